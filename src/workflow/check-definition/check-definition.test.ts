import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { type Definition, type Stage, stageKinds } from '../definition.ts'
import { checkDefinition, checkDefinitionText } from './check-definition.ts'
import { definitionToYaml, parseDefinition } from './parse-definition.ts'

const work = (id: string, input: { [name: string]: string } = {}, tasks = ['t']): Stage => ({
  id,
  kind: 'tasks',
  tasks: tasks.map((task) => ({ id: task, agent: 'writer', instructions: 'Write.', input })),
  on_failure: 'fail',
})
const definition = (stages: unknown[]): unknown => ({ apiVersion: 'quorate/v1', name: 'n', stages })
const messages = (value: unknown): string[] => {
  const checked = checkDefinition(value)
  return [...(checked.ok ? [] : checked.problems), ...checked.warnings].map(({ message }) => message)
}

test('10,000 stages with conditions and bindings are checked within a second of computing', () => {
  const stages: Stage[] = [work('s0')]
  for (let i = 1; i < 10_000; i++)
    stages.push(
      i % 10 === 5
        ? {
            id: `s${i}`,
            kind: 'decide',
            cases: [{ when: `s${i - 1}.failed > ${i} && coherence < 0.5`, then: `s${i + 1}` }],
            otherwise: 'end',
          }
        : work(
            `s${i}`,
            { far: '=s0.output', near: i % 10 === 6 ? '=s1.outputs.t' : `=s${i % 10 === 7 ? i - 1 : 0}.output` },
            i % 10 === 4 ? ['t', 'u'] : ['t'],
          ),
    )
  let best = Number.POSITIVE_INFINITY
  for (let round = 0; round < 3; round++) {
    const before = process.cpuUsage()
    assert.deepEqual(messages(definition(stages)), [])
    const { user, system } = process.cpuUsage(before)
    best = Math.min(best, (user + system) / 1_000)
  }
  assert.ok(best < 1_000, `${best} ms`)
})

test('a chain of 10,000 stages that read the first one of it is no worse', () => {
  const stages = Array.from({ length: 10_000 }, (_, i) => work(`s${i}`, i > 0 ? { first: '=s0.output' } : {}))
  assert.deepEqual(messages(definition(stages)), [])
})

test('many mistakes are counted, not all listed', () => {
  const stages = Array.from({ length: 9_000 }, (_, i) => ({ ...work(`s${i}`), needs: [`x${i}`] }))
  const checked = checkDefinition(definition(stages))
  assert.ok(!checked.ok)
  assert.equal(checked.problems.length, 101)
  assert.equal(checked.problems.at(-1)?.message, 'and 8900 more problems')
})

test('more than 10,000 stages are refused, those in bodies counted', () => {
  const body = Array.from({ length: 6_000 }, (_, i) => ({ id: `s${i}`, kind: 'timer', for: '1s' }))
  const loops = ['a', 'b'].map((id) => ({
    id,
    kind: 'loop',
    max: 2,
    until: 'iteration > 1',
    stages: body,
    on_failure: 'fail',
  }))
  assert.deepEqual(messages(definition(loops)), ['more than 10000 stages, bodies counted'])
})

test('a branch of a branch that meets again is not taken for skippable', () => {
  const decide = (id: string, then: string, otherwise: string): Stage => ({
    id,
    kind: 'decide',
    cases: [{ when: 'a.failed > 0', then }],
    otherwise,
  })
  const needing = (stage: Stage, ...needs: string[]): Stage => ({ ...stage, needs })
  const stages = [
    work('a'),
    decide('d', 'e', 'far'),
    decide('e', 'left', 'right'),
    work('left'),
    work('right'),
    work('far'),
    needing(work('near'), 'left', 'right'),
    needing(work('all'), 'near', 'far'),
  ]
  const reading = (text: string): string[] => messages(definition([...stages, needing(work('z', { x: text }), 'all')]))
  assert.deepEqual(reading('=all.output.text'), [])
  assert.deepEqual(reading('=near.output.text'), [
    '"near" may have been skipped by then, and there would be no near.output.text',
  ])
  assert.deepEqual(reading('=near.output'), [], 'null is passed on')
  assert.deepEqual(reading('=has(near.output.text) ? near.output.text : ""'), [])
})

test('names of an outer level can be read when they are settled before the body, and not otherwise', () => {
  const loop = (input: string): Stage => ({
    id: 'l',
    kind: 'loop',
    max: 2,
    until: 'b.failed == 0',
    stages: [work('b', { x: input })],
    on_failure: 'fail',
  })
  assert.deepEqual(messages(definition([work('a'), loop('=a.output'), work('z')])), [])
  assert.match(messages(definition([work('a'), loop('=z.output'), work('z')]))[0] ?? '', /"z" is not settled by then/)
})

test('nothing that is no definition makes the checker throw', () => {
  const fragment = fc.oneof(
    fc.constantFrom<unknown>(...stageKinds, 'a', 'b', 'end', '=a.output', 'a.failed > 0', '1s', 3, null, true, [], {}),
    fc.jsonValue({ maxDepth: 2 }),
  )
  const stage = fc.dictionary(
    fc.constantFrom(
      'id',
      'kind',
      'needs',
      'tasks',
      'cases',
      'otherwise',
      'until',
      'max',
      'stages',
      'items',
      'for',
      'on_failure',
      'voters',
      'join',
    ),
    fragment,
  )
  const value = fc.oneof(
    fc.jsonValue(),
    fc.record({
      apiVersion: fc.constant('quorate/v1'),
      name: fc.constant('n'),
      stages: fc.array(stage, { maxLength: 5 }),
    }),
  )
  fc.assert(
    fc.property(value, (one) => {
      const checked = checkDefinition(one)
      if (!checked.ok) {
        assert.ok(checked.problems.length > 0)
        for (const problem of checked.problems) assert.ok(problem.message && problem.remedy)
      }
    }),
    { numRuns: 500 },
  )
})

const pieces = [
  'apiVersion: quorate/v1',
  'name: n',
  'stages:',
  '  - id: a',
  '    kind: timer',
  '    for: 1s',
  '    kind: tasks',
  '\t- x',
  '? a',
  '- ',
  '{',
  '}',
  '[',
  '&a',
  '*a',
  '"',
  '|',
  '#',
  ': ',
  '\n',
  '    tasks: [{ id: t }]',
  '<<: *a',
  '---',
  '\u0000',
]

test('no text makes the reader throw, and each problem has its place', () => {
  const text = fc.oneof(
    fc.string({ unit: 'binary' }),
    fc.array(fc.constantFrom(...pieces), { maxLength: 15 }).map((lines) => lines.join('\n')),
  )
  fc.assert(
    fc.property(text, (one) => {
      const checked = checkDefinitionText(one)
      if (!checked.ok)
        for (const { line, column } of checked.problems)
          assert.ok(line !== undefined && column !== undefined && line >= 1 && column >= 1)
    }),
    { numRuns: 500 },
  )
})

test('hostile nesting and copying end soon', () => {
  const bomb = [
    'a: &a [1,1,1,1,1,1,1,1,1,1]',
    ...'bcdefg'.split('').map((name, i) => `${name}: &${name} [${Array(10).fill(`*${'abcdef'[i]}`).join(',')}]`),
  ].join('\n')
  for (const [text, message] of [
    ['['.repeat(20_000), /nested too deep/],
    ['- '.repeat(20_000), /nested too deep/],
    ['? '.repeat(20_000), /a key is written with "\? "/],
    ['a: &a [*a]', /nested more than 100 deep/],
    [bomb, /too many values/],
    [`a: ${'x'.repeat(4_000_001)}`, /at most 4000000 are read/],
  ] as const) {
    const checked = checkDefinitionText(text)
    assert.ok(!checked.ok)
    assert.match(checked.problems[0]?.message ?? '', message)
  }
})

test('YAML and JSON give back every definition without loss', () => {
  const text = fc.oneof(
    fc.string({ minLength: 1, unit: 'grapheme' }),
    fc.constantFrom(
      'yes',
      'null',
      '1e3',
      '=a.b',
      ' x ',
      'a: b',
      '# c',
      'a\nb\n',
      '\ttab',
      '~',
      '0x1F',
      "it's",
      '"',
      '-',
      '<<',
      '...',
      '---',
      '2026-01-01',
      '\u2028',
    ),
  )
  const json = fc
    .jsonValue({ maxDepth: 3, noNullPrototype: true } as fc.JsonSharedConstraints)
    .map((value) => JSON.parse(JSON.stringify(value)))
  fc.assert(
    fc.property(text, json, (instructions, value) => {
      const original = {
        ...(definition([
          { ...work('a'), tasks: [{ id: 't', agent: 'w', instructions, input: { value } }] },
        ]) as Definition),
        description: instructions,
      }
      for (const written of [
        definitionToYaml(original),
        JSON.stringify(original),
        JSON.stringify(original, null, '\t'),
      ]) {
        const read = parseDefinition(written)
        assert.ok(read.ok, written)
        assert.deepEqual(read.value.value, original)
      }
    }),
    { numRuns: 300 },
  )
})

test('a definition cannot hold what has the form of a reference: neither as a default nor in an input', () => {
  const form = { $blob: `sha256:${'0'.repeat(64)}`, bytes: 9, preview: '' }
  const stage = work('s', { a: '=inputs.a' })
  const checked = checkDefinition({
    ...(definition([
      stage,
      { ...work('t'), tasks: [{ id: 't', agent: 'w', instructions: 'x', input: { b: [form] } }] },
    ]) as object),
    inputs: { a: { type: 'any', default: { deep: [form] } } },
  })
  assert.ok(!checked.ok)
  assert.deepEqual(
    checked.problems.map(({ field }) => field),
    ['inputs.a.default', 'stages[1].tasks[0].input.b[0]'],
  )
  for (const { message } of checked.problems) assert.match(message, /refers to a large value/)
})
