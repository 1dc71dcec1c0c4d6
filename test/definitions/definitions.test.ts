/** Every file in right/ passes without a warning; every file in wrong/ fails where and as its first lines say. */
import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { defaultAgents } from '../../src/agents/default-agents.ts'
import {
  type Checked,
  checkDefinition,
  checkDefinitionText,
} from '../../src/workflow/check-definition/check-definition.ts'
import { definitionToYaml, parseDefinition } from '../../src/workflow/check-definition/parse-definition.ts'
import { type Definition, stageKinds } from '../../src/workflow/definition.ts'

const folder = (name: string): { name: string; text: string }[] =>
  readdirSync(join(import.meta.dirname, name))
    .filter((file) => file.endsWith('.yaml'))
    .map((file) => ({ name: file, text: readFileSync(join(import.meta.dirname, name, file), 'utf8') }))

const right = folder('right')
const wrong = folder('wrong')

const stored = new Map<string, Definition>()
for (const { text } of right) {
  const checked = checkDefinitionText(text)
  if (checked.ok) stored.set(checked.definition.name, checked.definition)
}
stored.set('around', {
  apiVersion: 'quorate/v1',
  name: 'around',
  stages: [{ id: 'r', kind: 'run', definition: 'wrong' }],
})

const context = {
  agents: [...defaultAgents.map(({ name }) => name), 'booking', 'fetcher', 'publisher'],
  capabilities: [...new Set(defaultAgents.flatMap(({ capabilities }) => capabilities ?? []))],
  definitions: (reference: string) => stored.get(reference),
}

const told = (checked: Checked): string[] =>
  [...(checked.ok ? [] : checked.problems), ...checked.warnings].map(
    ({ line, column, message, remedy }) => `${line}:${column} ${message} [${remedy ?? ''}]`,
  )

test('the corpus is as large as promised, and uses every kind of stage', () => {
  assert.ok(right.length >= 20, `${right.length} right`)
  assert.ok(wrong.length >= 45, `${wrong.length} wrong`)
  for (const kind of stageKinds)
    assert.ok(
      right.some(({ text }) => text.includes(`kind: ${kind}`)),
      kind,
    )
})

for (const { name, text } of right)
  test(`right: ${name}`, () => {
    const checked = checkDefinitionText(text, context)
    assert.deepEqual(told(checked), [])
    assert.ok(checked.ok)
    const again = parseDefinition(definitionToYaml(checked.definition))
    assert.deepEqual(again.ok && again.value.value, checked.definition, 'YAML gives the same definition again')
    const json = checkDefinitionText(JSON.stringify(checked.definition, null, 2), context, 'json')
    assert.deepEqual(json.ok && json.definition, checked.definition, 'so does JSON')
  })

for (const { name, text } of wrong)
  test(`wrong: ${name}`, () => {
    const expected = [...text.matchAll(/^# expect: (\d+:\d+ .+)$/gm)].map((match) => match[1] ?? '')
    assert.ok(expected.length > 0, 'the file begins with # expect: line:column message')
    const checked = checkDefinitionText(text, context)
    const all = told(checked)
    for (const one of expected)
      assert.ok(
        all.some((line) => includesAt(line, one)),
        `expected ${one}, got\n${all.join('\n')}`,
      )
    assert.equal(all.length, expected.length, `nothing else is said:\n${all.join('\n')}`)
    for (const line of all) assert.match(line, /\[.+\]$/, 'each has a remedy')
    assert.equal(new Set(all).size, all.length, 'nothing is said twice')
  })

/** The expected place, and the expected part anywhere in the message. */
function includesAt(line: string, expected: string): boolean {
  const space = expected.indexOf(' ')
  return line.startsWith(expected.slice(0, space + 1)) && line.includes(expected.slice(space + 1))
}

test('a value is checked as its text is, without places', () => {
  const parsed = parseDefinition(wrong.find(({ name }) => name === 'unknown_agent.yaml')?.text ?? '')
  assert.ok(parsed.ok)
  const checked = checkDefinition(parsed.value.value, context)
  assert.ok(!checked.ok)
  assert.deepEqual(checked.problems, [
    {
      kind: 'not_found',
      message: 'unknown agent "resercher"',
      remedy: 'Did you mean "researcher"?',
      field: 'stages[0].tasks[0].agent',
      value: 'resercher',
    },
  ])
})
