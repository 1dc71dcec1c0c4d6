/**
 * The whole of the example on the real small model: six parts of a real document, two readers, cross-checks, a decision,
 * a brief. About a minute on two quiet cores. Needs the model file, which is fetched once (98 MB).
 */
import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { sentencesOf } from '../../examples/brief-with-quotes/sentences.ts'
import { quotesIn } from '../examples/quotes-in.ts'
import { type Example, exampleFile, startExample } from '../examples/start-example.ts'

describe('brief-with-quotes on the real model', () => {
  const document = exampleFile('brief-with-quotes/universal-declaration-of-human-rights.txt')
  const sentences = sentencesOf(document)
  let example: Example
  before(async () => {
    example = await startExample('brief-with-quotes')
  })
  after(() => example.close())

  test('every quote of the result is in the document, word for word, under its number', async () => {
    const started = performance.now()
    const run = await example.run({ document, least: 1 })
    console.log(`${((performance.now() - started) / 1_000).toFixed(0)} s\n${run.result}`)
    assert.equal(run.status, 'completed', run.reason)

    const tasks = run.stages.flatMap((stage) => stage.tasks.map((task) => ({ stage: stage.id, ...task })))
    const choices = tasks.filter(({ stage }) => stage.endsWith('.choose'))
    assert.equal(choices.length, 12)
    for (const { model, output } of choices) {
      assert.equal(model, 'local/smollm2-135m-instruct')
      const { sentence } = output as { sentence: number }
      assert.ok(Number.isInteger(sentence) && sentence >= 1 && sentence <= 12)
    }
    const checks = tasks.filter(({ stage, output }) => stage.endsWith('.check') && output !== null)
    assert.ok(checks.length > 0)
    for (const { output } of checks) assert.equal(typeof (output as { answers: boolean }).answers, 'boolean')

    const quotes = quotesIn(run.result)
    assert.ok(quotes.length > 0)
    for (const { number, text, under } of quotes) {
      assert.ok(document.includes(text))
      assert.deepEqual(sentences[number - 1], { number, text, under })
    }
    const verified = tasks.find(({ stage }) => stage === 'verify')
    assert.ok(verified)
    const { confirmed, others } = verified.output as { confirmed: number[]; others: number[] }
    const enough = confirmed.length >= 1
    assert.equal(run.decisions.at(-1)?.taken, enough ? 'case 1' : 'otherwise')
    assert.deepEqual(
      quotes.map(({ number }) => number),
      enough ? confirmed : others,
    )
  })

  test('a run that is fed a false quote is refused, by name and before the model is asked', async () => {
    const right = sentences.find(({ text }) => text === 'Everyone has the right to education.')
    assert.ok(right)
    const { number, text } = right
    const run = await example.run({ document, given_quotes: [{ number, text: text.replace('right', 'duty') }] })
    assert.equal(run.status, 'failed')
    assert.match(
      run.reason,
      /quote 1 of 1 is refused: it is not what sentence \d+ says: word 4 is "duty" and should be "right"/,
    )
    assert.equal(run.result, null)
    assert.ok(run.stages.every((stage) => stage.tasks.every(({ model }) => model === null)))
  })
})
