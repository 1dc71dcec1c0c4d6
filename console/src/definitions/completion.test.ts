import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { checkDefinition, checkDefinitionText } from '../../../src/workflow/check-definition/check-definition.ts'
import * as checked from '../../../src/workflow/check-definition/result-types.ts'
import { definitionJsonSchema } from '../../../src/workflow/definition-json-schema.ts'
import { choicesAt, type Known, resultFields, runFields, wordsAt } from './completion.ts'
import type { Schema } from './schema-place.ts'
import { sampleFor, samples } from './stage-samples.ts'

const known: Known = {
  schema: definitionJsonSchema() as Schema,
  agents: [
    { name: 'analyst', capabilities: ['analysis', 'research'] },
    { name: 'critic-2', capabilities: ['critique', 'analysis'] },
  ],
}

/** The text with `|` where the cursor is. */
function at(marked: string) {
  const offset = marked.indexOf('|')
  const found = choicesAt(marked.replace('|', ''), offset, known)
  return { labels: found?.choices.map(({ label }) => label) ?? [], choices: found?.choices ?? [], found }
}
/** What a choice leaves, as the editor would write it: tabs are two spaces, lines are indented as the first one. */
function taken(marked: string, label: string): string {
  const offset = marked.indexOf('|')
  const text = marked.replace('|', '')
  const found = choicesAt(text, offset, known)
  const choice = found?.choices.find((one) => one.label === label)
  assert.ok(found && choice, `${label} is not offered`)
  const indent = /[^\n]*$/.exec(text.slice(0, found.from))?.[0].match(/^ */)?.[0] ?? ''
  const filled = (choice.template ?? label)
    .replace(/\$\{([^}]*)\}/g, '$1')
    .replaceAll('\t', '  ')
    .replaceAll('\n', `\n${indent}`)
  return text.slice(0, found.from) + filled + text.slice(found.to)
}

const head = `apiVersion: quorate/v1
name: n
inputs:
  topic: { type: text }
stages:
  - id: draft
    kind: tasks
    tasks:
      - { id: a, agent: analyst, instructions: Do it. }
  - id: choose
`

describe('keys', () => {
  test('of an empty text: those of a definition, what is required first', () => {
    const { choices } = at('|')
    assert.ok(choices.find(({ label }) => label === 'apiVersion')?.first)
    assert.equal(choices.find(({ label }) => label === 'budget')?.first, false)
  })
  test('of the level where the cursor stands, without those that are there', () => {
    assert.deepEqual(at(`${head}    ki|`).labels.includes('kind'), true)
    assert.equal(at(`${head}    ki|`).labels.includes('id'), false)
    assert.ok(at(`${head}bud|`).labels.includes('budget'))
    assert.equal(at(`${head}bud|`).labels.includes('stages'), false)
    assert.deepEqual(at('budget:\n  |').labels.slice(0, 2), ['tokens', 'calls'])
  })
  test('of the kind of stage that is written', () => {
    const { labels } = at(`${head}    kind: decide\n    |`)
    assert.ok(labels.includes('otherwise'))
    assert.equal(labels.includes('tasks'), false)
  })
  test('within braces and in JSON', () => {
    assert.ok(at('stages: [{ id: a, kind: timer, f| }]').labels.includes('for'))
    const json = '{"name": "n", "stages": [{"id": "a", "kind": "vote", "qu|"}]}'
    assert.ok(at(json).labels.includes('quorum'))
    assert.match(taken('{"name": "n", | }', 'apiVersion'), /, "apiVersion": {2}\}/)
  })
  test('a list begins with a dash, a map on a line of its own', () => {
    assert.equal(taken('sta|', 'stages'), 'stages:\n  - ')
    assert.equal(taken('stages:\n  - id: a\n    tas|', 'tasks'), 'stages:\n  - id: a\n    tasks:\n      - ')
    assert.equal(taken('stages:\n  - tas|', 'tasks'), 'stages:\n  - tasks:\n      - ')
    assert.equal(taken('bud|: { tokens: 1 }', 'budget'), 'budget: { tokens: 1 }')
  })
  test('none in text, in a comment, or where nothing is known', () => {
    for (const text of ['description: some wo|', '# na|', 'description: >\n  na|', 'output:\n  own: { na| }'])
      assert.deepEqual(at(text).labels, [], text)
  })
})

describe('values', () => {
  test('of an enumeration, of a kind, of a boolean', () => {
    assert.deepEqual(at(`${head}    kind: |`).labels.sort(), samples.map(({ kind }) => kind).sort())
    assert.deepEqual(at(`${head}    join: |`).labels, ['any', 'all'])
    assert.deepEqual(at('inputs:\n  a: { type: text, required: t| }').labels, ['true', 'false'])
    assert.deepEqual(at('api|').choices[0]?.goesOn, true)
  })
  test('agents and capabilities by name', () => {
    assert.deepEqual(at(`${head}    kind: tasks\n    tasks: [{ id: b, agent: | }]`).labels, ['analyst', 'critic-2'])
    assert.deepEqual(at(`${head}    kind: tasks\n    tasks: [{ id: b, fallback: [cri|] }]`).labels, [
      'analyst',
      'critic-2',
    ])
    assert.deepEqual(at(`${head}    capability: |\n    kind: vote`).labels, ['analysis', 'critique', 'research'])
  })
  test('stages, but not the one that asks', () => {
    assert.deepEqual(at(`${head}    needs: [|]`).labels, ['draft'])
    assert.equal(taken(`${head}    needs:\n      |`, 'draft'), `${head}    needs:\n      - draft`)
    assert.deepEqual(at(`${head}    kind: decide\n    otherwise: |`).labels, ['draft', 'end'])
  })
  test('in JSON a value has its quotes', () => {
    assert.equal(taken('{"stages": [{"id": "a", "kind": | }]}', 'vote'), '{"stages": [{"id": "a", "kind": "vote" }]}')
    assert.equal(taken('{"stages": [{"id": "a", "kind": "v|"}]}', 'vote'), '{"stages": [{"id": "a", "kind": "vote"}]}')
  })
})

describe('expressions', () => {
  test('know the stages, their fields and the inputs', () => {
    assert.ok(at(`${head}    kind: decide\n    cases: [{ when: dr| }]`).labels.includes('draft'))
    assert.deepEqual(at(`${head}    kind: decide\n    cases: [{ when: draft.n > 1 && draft.suc| }]`).labels, [
      ...resultFields.tasks,
    ])
    assert.deepEqual(at(`${head}    output: =inputs.|`).labels, ['goal', 'topic'])
    assert.ok(at(`${head}    kind: run\n    input: { text: | }`).labels.includes('=inputs.topic'))
  })
  test('the fields are those that the checker knows', () => {
    const names = Object.fromEntries(Object.entries(checked.resultFields).map(([kind, of]) => [kind, Object.keys(of)]))
    assert.deepEqual(resultFields, names)
    assert.deepEqual([...runFields].sort(), Object.keys(checked.runFields).sort())
  })
})

describe('whole stages', () => {
  test('there is one for each kind, and the checker has nothing against it', () => {
    const kinds = (known.schema.$defs?.stage?.oneOf ?? []).map(({ $ref }) => /(\w+)_stage$/.exec($ref ?? '')?.[1])
    assert.deepEqual(samples.map(({ kind }) => kind).sort(), kinds.sort())
    for (const { kind, stage } of samples) {
      const filled = JSON.parse(sampleFor(stage, 'json').replace(/\$\{([^}]*)\}/g, '$1')) as never
      const inputs = { items: { type: 'list' } }
      const found = checkDefinition({ apiVersion: 'quorate/v1', name: 'n', inputs, stages: [filled] })
      assert.ok(found.ok, `${kind}: ${JSON.stringify(found)}`)
    }
  })
  test('they are YAML where they are put', () => {
    for (const { kind } of samples)
      for (const begun of [
        `${head}  - |`.replace('  - id: choose\n', ''),
        'apiVersion: quorate/v1\nname: n\nstages:\n  |',
        'apiVersion: quorate/v1\nname: n\nstages: [|]',
      ]) {
        const text = taken(begun, `${kind} stage`)
        const found = checkDefinitionText(`${text}\n`)
        const problems = found.ok ? [] : found.problems.filter(({ message }) => !/items/.test(message))
        assert.deepEqual(problems, [], text)
      }
  })
})

test('a key says what it is for', () => {
  const text = `${head}    budget: { tokens: 5 }\n`
  assert.match(wordsAt(text, text.indexOf('tokens:') + 2, known.schema)?.words ?? '', /Most tokens, in and out/)
  assert.match(wordsAt(text, text.indexOf('kind:'), known.schema)?.words ?? '', /choice\nOne of: tasks/)
  assert.equal(wordsAt(text, text.indexOf('Do it'), known.schema), null)
})

test('whatever the text is, asking does not throw', () => {
  const part = fc.constantFrom(
    ...[
      'stages',
      ':',
      ' ',
      '\n',
      '  ',
      '- ',
      '{',
      '}',
      '[',
      ']',
      '"',
      "'",
      '|',
      '>',
      '#',
      '=',
      '&a',
      '*a',
      '!!x',
      '?',
      '__proto__',
    ],
    ...['kind: vote', 'id: a', 'needs', 'constructor', 'when', '\t', ',', '%', '---', '\u0000', '🙂'],
  )
  fc.assert(
    fc.property(fc.array(part, { maxLength: 40 }), fc.nat(), (parts, anywhere) => {
      const text = parts.join('')
      const offset = anywhere % (text.length + 1)
      const found = choicesAt(text, offset, known)
      assert.ok(found === null || (found.from <= offset && found.to >= offset && found.choices.length > 0))
      wordsAt(text, offset, known.schema)
    }),
    { numRuns: 300 },
  )
})
