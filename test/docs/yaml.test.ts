/** Every YAML of the docs, judged by the checker or by the reader of the configuration. */
import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { defaultAgents } from '../../src/agents/default-agents.ts'
import { loadConfiguration } from '../../src/configuration/load-configuration.ts'
import { checkDefinitionText } from '../../src/workflow/check-definition/check-definition.ts'
import { stageKinds } from '../../src/workflow/definition.ts'
import { blocksOf, pages, pageText } from './doc-blocks.ts'

const context = {
  // `booking` stands for an agent of the reader's own.
  agents: [...defaultAgents.map(({ name }) => name), 'booking'],
  capabilities: defaultAgents.flatMap(({ capabilities }) => capabilities),
}
const folder = mkdtempSync(join(tmpdir(), 'quorate-docs-yaml-'))
after(() => rmSync(folder, { recursive: true, force: true }))

for (const page of pages) {
  const blocks = blocksOf(page)
  for (const [i, { line, language, mark, text }] of blocks.entries()) {
    if (language !== 'yaml' && language !== 'yml') continue
    test(`${page}:${line} yaml ${mark}`, () => {
      if (mark === 'configuration') {
        const file = join(folder, 'quorate.yaml')
        writeFileSync(file, text)
        const loaded = loadConfiguration({ flags: { config: file }, environment: {}, cwd: folder })
        assert.ok(loaded.ok, loaded.ok ? '' : JSON.stringify(loaded.failure))
        return
      }
      const checked = checkDefinitionText(text, context)
      if (mark !== 'wrong') {
        assert.ok(mark === '' || mark.startsWith('file='), `${mark} is not known`)
        assert.deepEqual([...(checked.ok ? [] : checked.problems), ...checked.warnings], [])
        return
      }
      assert.ok(!checked.ok, 'it is shown as wrong')
      const told = checked.problems.map((one) => `${one.line}:${one.column} ${one.message} → ${one.remedy}`)
      const shown = blocks[i + 1]
      assert.equal(shown?.language, 'text', 'what the checker says follows')
      assert.deepEqual(shown?.text.split('\n'), told)
    })
  }
}

test('definitions.md shows every kind of stage, and has a row for each', () => {
  const text = pageText('docs/definitions.md')
  for (const kind of stageKinds) assert.match(text, new RegExp(`^\\| \`${kind}\` \\|`, 'm'), kind)
})
