/** The commands of README.md and docs, run as they are written, against a started product with a stand-in for a model. */
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, describe, test } from 'node:test'
import { freePort } from '../e2e/running-product.ts'
import { blocksOf, pages, pageText, ROOT, shellLanguages, shellMarks } from './doc-blocks.ts'
import { ollamaStandIn } from './ollama-stand-in.ts'
import { notAnswered, openWorkshop, shellBlocks } from './workshop.ts'

test('every block of commands says who runs it', () => {
  for (const page of pages)
    for (const { line, language, mark } of blocksOf(page)) {
      if (!shellLanguages.includes(language)) continue
      assert.equal(language, 'sh', `${page}:${line} commands are written as \`\`\`sh`)
      assert.ok(shellMarks.includes(mark), `${page}:${line} "sh ${mark}": write one of ${shellMarks.join(', ')}`)
    }
  assert.throws(() => blocksOf('x.md', 'a\n```sh run\nb'), /not closed/)
})

test('README shows the two commands first, then the four', () => {
  const commands = blocksOf('README.md').filter(({ language }) => language === 'sh')
  assert.equal(commands[0]?.text, 'npm start')
  assert.ok(commands.slice(0, 4).some(({ text }) => text === 'npm test'))
  const asWritten = [
    `curl -X POST http://localhost:8100/create_workflow -d '{"goal": "Achieve performance optimization"}'`,
    `curl -X POST http://localhost:8100/create_swarm -d '{"objective": "Solve complex reasoning task", "agents": 10}'`,
    'curl http://localhost:8100/orchestration_status',
    'curl http://localhost:8100/intelligence_metrics',
  ]
  for (const command of asWritten)
    assert.ok(
      commands.some(({ text }) => text === command),
      command,
    )
  assert.match(pageText('README.md'), /!\[.+\]\(docs\/media\/run\.svg\)/)
})

test('what only CI runs stands in .ci/run', () => {
  const ci = readFileSync(join(ROOT, '.ci/run'), 'utf8')
  for (const page of pages)
    for (const { line, text, mark } of shellBlocks(page))
      if (mark === 'ci')
        for (const command of text.split('\n'))
          assert.match(ci, new RegExp(`(^|\\s)${RegExp.escape(command)}$`, 'm'), `${page}:${line} ${command}`)
})

test('a field that is shown and was not answered is found', () => {
  assert.deepEqual(notAnswered({ a: { b: 1 }, c: [{ d: 1 }] }, { a: {}, c: [] }), ['/a/b'])
})

describe('commands', async () => {
  const ollama = await ollamaStandIn()
  const workshop = openWorkshop(await freePort(), ollama.url)
  after(async () => {
    await workshop.close()
    await ollama.close()
  })
  const withCommands = [...pages]
    .reverse()
    .map((page) => ({ page, blocks: shellBlocks(page).filter(({ mark }) => mark === 'start' || mark === 'run') }))
    .filter(({ blocks }) => blocks.length > 0)
  assert.ok(withCommands.length >= 3)
  for (const { page, blocks } of withCommands) {
    // Each page stands alone: without a start of its own, its commands meet what `npm start` started.
    if (blocks[0]?.mark !== 'start') test(`${page}: npm start`, () => workshop.start('npm start'))
    for (const { line, mark, text, answer } of blocks)
      test(`${page}:${line} ${text.split('\n')[0]}`, async () => {
        if (mark === 'start') return workshop.start(text)
        const { status, out, err } = await workshop.run(text)
        assert.equal(status, 0, `${out}\n${err}`)
        assert.doesNotMatch(out, /"status":(4|5)\d\d/.test(answer ?? '') ? /^$/ : /urn:quorate:failure/)
        if (answer === null) return
        const shown: unknown = JSON.parse(answer)
        assert.deepEqual(notAnswered(shown, JSON.parse(out)), [])
      })
  }
})
