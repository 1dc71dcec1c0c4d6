/** The examples as a person runs them: their own quorate.yaml, definition and programs, in the whole product. */
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { sentencesOf } from '../../examples/brief-with-quotes/sentences.ts'
import { createFunctions } from '../../src/agent-systems/function/function.ts'
import { loadConfiguration } from '../../src/configuration/load-configuration.ts'
import { checkDefinitionText } from '../../src/workflow/check-definition/check-definition.ts'
import type { Json } from '../../src/workflow/value.ts'
import { quotesIn } from './quotes-in.ts'
import { type EndedRun, type Example, exampleFile, root, startExample } from './start-example.ts'

for (const name of ['brief-with-quotes', 'source-survey']) {
  test(`${name}: the definition passes the checker with its own agents and without a warning`, () => {
    const loaded = loadConfiguration({ flags: { config: `examples/${name}/quorate.yaml` }, environment: {}, cwd: root })
    assert.ok(loaded.ok, JSON.stringify(loaded))
    const { agents } = loaded.value
    const checked = checkDefinitionText(exampleFile(`${name}/${name}.yaml`), {
      agents: agents.map((agent) => agent.name),
      capabilities: agents.flatMap((agent) => agent.capabilities),
    })
    assert.deepEqual({ ok: checked.ok, warnings: checked.warnings }, { ok: true, warnings: [] })
    const programs = agents.flatMap(({ settings }) => (settings.command as string[] | undefined)?.slice(1) ?? [])
    assert.ok(programs.length > 0 && programs.every((path) => existsSync(path)), programs.join(' '))
    assert.match(exampleFile(`${name}/README.md`), new RegExp(`npm start -- --config examples/${name}/quorate\\.yaml`))
  })
}

const outputOf = (run: EndedRun, stage: string, task = stage): Json =>
  run.stages.find(({ id }) => id === stage)?.tasks.find(({ id }) => id === task)?.output ?? null

describe('source-survey', () => {
  let example: Example
  before(async () => {
    example = await startExample('source-survey')
  })
  after(() => example.close())
  const folder = join(root, 'src')

  test('surveys the source of this repository; files over the limit lead to suggestions', async () => {
    const run = await example.run({ folder, limit: 150 })
    assert.equal(run.status, 'completed', run.reason)
    assert.equal(run.decisions[0]?.taken, 'case 1')
    const { files, lines, over, longest } = outputOf(run, 'merge') as unknown as {
      files: number
      lines: number
      over: number
      longest: { path: string; lines: number }[]
    }
    // Counted once more by other means.
    const found = execFileSync('find', [folder, '-type', 'f', '-name', '*.ts'], { encoding: 'utf8' }).trim().split('\n')
    assert.ok(files >= found.length && lines > files)
    const [first] = longest
    assert.ok(first && over > 0)
    assert.equal(readFileSync(join(folder, first.path), 'utf8').replace(/\n$/, '').split('\n').length, first.lines)
    const report = String(run.result)
    assert.match(report, /^# Survey of a source tree\n\n\d+ files, \d+ lines\.\n/)
    assert.match(report, /## Where they could be divided\n\n- \S+\.ts: \d+ declarations, the largest \w+ \(line \d+/)
    assert.match(report, /\| TypeScript \| \d+ \| \d+ \|/)
  })

  test('without a file over the limit nobody is asked for suggestions', async () => {
    const run = await example.run({ folder, limit: 100_000 })
    assert.equal(run.status, 'completed', run.reason)
    assert.equal(run.decisions[0]?.taken, 'otherwise')
    assert.equal(run.stages.find(({ id }) => id === 'cuts')?.state, 'skipped')
    assert.doesNotMatch(String(run.result), /Where they could be divided/)
  })

  test('a folder that is not there, and a relative path, end the run with the reason', async () => {
    const missing = await example.run({ folder: '/nowhere/at/all' })
    assert.equal(missing.status, 'failed')
    assert.match(missing.reason, /\/nowhere\/at\/all cannot be read \(ENOENT\)/)
    assert.match((await example.run({ folder: 'src' })).reason, /"src" is not a whole path: write --input folder=/)
  })
})

/**
 * The readers and the editor are stand-ins for the model here (test/service runs the real one): they look for words.
 * The copyist tells a lie when it is asked to, to show that nobody is believed.
 */
describe('brief-with-quotes, with stand-ins for the model', () => {
  // Articles 21 to 24: two parts.
  const whole = exampleFile('brief-with-quotes/universal-declaration-of-human-rights.txt')
  const text = whole.slice(whole.indexOf('Article 21\n'), whole.indexOf('Article 25\n'))
  const sentences = sentencesOf(text)
  const answers = (sentence: unknown) => /\b(work|trade unions)\b/.test(String(sentence))

  type Quotes = { [reader: string]: { number: number; text: string } }
  let lie: ((quotes: Quotes) => Quotes) | null = null
  const functions = createFunctions()
  functions.register('reader', async ({ input }) => {
    if (input.sentence !== undefined) return { answers: answers(input.sentence) }
    const at = String(input.sentences).split('\n').findIndex(answers)
    return { sentence: at === -1 ? 1 : at + 1 }
  })
  functions.register('editor', async () => ({
    title: 'Work ["`#|x`"]',
    lead: 'It says "everyone\nmay rest" **always**.',
  }))
  functions.register('copyist', async ({ input }) => {
    const { part, choices, orders } = input as unknown as {
      part: { first: number; last: number }
      choices: { [reader: string]: { sentence: number } }
      orders: { [reader: string]: string }
    }
    const quotes = Object.fromEntries(
      Object.entries(choices).map(([reader, { sentence }]) => {
        const number = orders[reader] === 'forward' ? part.first + sentence - 1 : part.last - sentence + 1
        return [reader, { number, text: sentences[number - 1]?.text ?? '' }]
      }),
    )
    return lie === null ? quotes : lie(quotes)
  })
  const standIn: { [agent: string]: string } = { reader_one: 'reader', reader_two: 'reader', editor: 'editor' }
  const open = (lying: boolean) =>
    startExample('brief-with-quotes', {
      functions,
      change: (agent) => {
        const name = lying && agent.name === 'copyist' ? 'copyist' : standIn[agent.name]
        return name === undefined ? agent : { ...agent, system: 'function', settings: { function: name } }
      },
    })
  let honest: Example
  let lying: Example
  before(async () => {
    honest = await open(false)
    lying = await open(true)
  })
  after(() => Promise.all([honest.close(), lying.close()]))

  test('writes a brief in which every quote is in the document, word for word, under its number', async () => {
    const run = await honest.run({ document: text })
    assert.equal(run.status, 'completed', run.reason)
    const quotes = quotesIn(run.result)
    // Of the first part what stands first and what stands last on the question; of the second, nothing answers it.
    assert.deepEqual(
      quotes.map(({ text }) => text.slice(0, 40)),
      ['Everyone has the right to work, to free ', 'Everyone has the right to form and to jo'],
    )
    for (const quote of quotes) {
      assert.equal(sentences[quote.number - 1]?.text, quote.text)
      assert.ok(whole.includes(quote.text))
      assert.equal(sentences[quote.number - 1]?.under, quote.under)
    }
    // A model's words cannot look like a quote, nor like Markdown.
    assert.match(String(run.result), /^# Work x\n\nIt says everyone may rest always\.\n\n/)
  })

  test('too few confirmed quotes make no brief, and the result says so', async () => {
    const run = await honest.run({ document: text, least: 50 })
    assert.equal(run.status, 'completed', run.reason)
    assert.equal(run.decisions.at(-1)?.taken, 'otherwise')
    assert.match(String(run.result), /^# No brief\n\nToo few quotes were confirmed/)
    for (const quote of quotesIn(run.result)) assert.equal(sentences[quote.number - 1]?.text, quote.text)
  })

  test('a true quote that is handed in is in the brief; a false one ends the run before anybody is asked', async () => {
    const equalPay = sentences.find(({ text }) => text.includes('equal pay'))
    assert.ok(equalPay)
    const { number, text: words } = equalPay
    const kept = await honest.run({ document: text, given_quotes: [{ number, text: words }] })
    assert.ok(quotesIn(kept.result).some((quote) => quote.number === number))

    const refused = await honest.run({
      document: text,
      given_quotes: [
        { number, text: words },
        { number, text: words.replace('equal pay', 'fair pay') },
      ],
    })
    assert.equal(refused.status, 'failed')
    assert.match(
      refused.reason,
      new RegExp(
        `quote 2 of 2 is refused: it is not what sentence ${number} says: word 9 is "fair" and should be "equal"`,
      ),
    )
    assert.deepEqual(
      refused.stages.filter(({ state }) => state !== 'skipped').map(({ id }) => id),
      ['given'],
    )
    assert.equal(refused.result, null)
  })

  const lies: [what: string, lie: (quotes: Quotes) => Quotes, why: RegExp][] = [
    [
      'a changed word',
      (quotes) =>
        Object.fromEntries(
          Object.entries(quotes).map(([who, { number, text }]) => [
            who,
            { number, text: text.replace('Everyone', 'Nobody') },
          ]),
        ),
      /it is not what sentence \d+ says: word 1 is "Nobody" and should be "Everyone"/,
    ],
    [
      'an invented sentence',
      (quotes) => ({ ...quotes, one: { number: 3, text: 'Everyone has the right to a robot.' } }),
      /it is not what sentence 3 says/,
    ],
    [
      'a wrong number',
      (quotes) =>
        Object.fromEntries(
          Object.entries(quotes).map(([who, { number, text }]) => [who, { number: number === 1 ? 2 : 1, text }]),
        ),
      /its words are those of sentence \d+, not of sentence \d+/,
    ],
  ]
  for (const [what, told, why] of lies) {
    test(`an agent that hands on ${what} ends the run: nothing of it is passed on`, async () => {
      lie = told
      const run = await lying.run({ document: text })
      assert.equal(run.status, 'failed')
      assert.match(run.reason, why)
      assert.equal(run.stages.find(({ id }) => id === 'verify')?.state, 'failed')
      assert.ok(
        run.stages.every(({ id, state }) => !['entitle', 'brief', 'no_brief'].includes(id) || state === 'skipped'),
      )
      assert.equal(run.result, null)
    })
  }

  test('the same agent, when it tells the truth, is believed', async () => {
    lie = null
    assert.equal((await lying.run({ document: text })).status, 'completed')
  })
})
