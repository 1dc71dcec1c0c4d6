/** What conditions can know of values that are held by reference. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { evaluateCondition, type Lookup } from './expression.ts'
import type { Json } from './value.ts'

const large = { $blob: `sha256:${'a'.repeat(64)}`, bytes: 9000, preview: 'abc' }

test('of a large value it is known that it is not null, and of a list how long it is; its fields are not known', () => {
  const list = { ...large, count: 12 }
  const held: Lookup = (name) =>
    name === 'step'
      ? ({ output: { points: 3, text: large, list, none: null }, whole: large } as unknown as Json)
      : undefined
  const value = (text: string): boolean | null => evaluateCondition(text, held).value
  assert.deepEqual(
    ['step.output.points > 2', 'step.output.text != null', 'has(step.output.text)', 'size(step.output.list) > 11'].map(
      value,
    ),
    [true, true, true, true],
  )
  assert.deepEqual(['"text" in step.output', 'step.output == null', 'step.whole == null'].map(value), [
    true,
    false,
    false,
  ])
  for (const text of [
    'step.whole.points > 2',
    'step.whole.points == null',
    'step.output.text == "a"',
    'step.output.text in ["a"]',
    '3 in step.output.list',
    'step.output.list.exists(x, x > 2)',
    'step.output == {"points": 3}',
    'size(step.output.text) > 2',
    'size(step.whole) < 1 || size(step.whole) > 10000',
    'step.whole.contains("x")',
    '!step.whole.contains("x")',
    'has(step.whole.points)',
    '!has(step.output.text.x)',
    '{"a": step.whole} == {"a": "abc"}',
    '{step.whole: 1} == {"abc": 1}',
    '[step.output.text].exists(x, x == "abc")',
    'step.output.exists(field, size(step.output[field]) > 100)',
    'step.output.all(field, step.output[field] != "a")',
  ]) {
    assert.equal(value(text), null, text)
    // Field, size and remedy.
    assert.match(
      evaluateCondition(text, held).reason,
      /^step\.\S+ is a large value \(9000 bytes\), held by reference: .*small field of its own \(output_schema\)$/,
      text,
    )
  }
})

const fields = ['a', 'b', 'c']
const small = fc.letrec((tie) => ({
  json: fc.oneof(
    { maxDepth: 3, withCrossShrink: true },
    fc.constantFrom<Json>(null, true, 0, 1, 3, '', 'a', 'abc'),
    fc.array(tie('json'), { maxLength: 3 }),
    fc.dictionary(fc.constantFrom(...fields), tie('json'), { maxKeys: 3 }),
  ),
})).json as fc.Arbitrary<Json>

/** The value with references in the place of some of its parts, as if they were large. */
function withReferences(value: Json, chosen: () => boolean): Json {
  if (typeof value !== 'string' && (typeof value !== 'object' || value === null)) return value
  if (chosen()) return { ...large, ...(Array.isArray(value) && { count: value.length }) }
  if (typeof value === 'string') return value
  return Array.isArray(value)
    ? value.map((item) => withReferences(item, chosen))
    : Object.fromEntries(Object.entries(value).map(([key, item]) => [key, withReferences(item, chosen)]))
}

test('a condition over what is held by reference is never another than over the value itself: it is that, or null', () => {
  const path = fc
    .array(fc.constantFrom('.a', '.b', '["c"]', '[0]', '[1]'), { maxLength: 3 })
    .map((members) => `v${members.join('')}`)
  const literal = fc.constantFrom('null', '"a"', '""', '1', '[]', '["a"]', '{"a": 1}', 'true')
  const operand = fc.oneof(
    path,
    literal,
    path.map((one) => `size(${one})`),
    path.map((one) => `[${one}]`),
    path.map((one) => `{"a": ${one}}`),
    path.map((one) => `(${one} == null ? 1 : 2)`),
    fc.tuple(path, literal).map(([one, text]) => `${one} + ${text}`),
  )
  const fact = fc.oneof(
    fc.tuple(operand, fc.constantFrom('==', '!=', '<', '>', 'in'), operand).map((parts) => parts.join(' ')),
    fc.tuple(path, fc.constantFrom(...fields)).map(([one, field]) => `has(${one}.${field})`),
    fc.tuple(path, fc.constantFrom('contains', 'startsWith')).map(([one, name]) => `${one}.${name}("a")`),
    fc
      .tuple(path, fc.constantFrom('exists', 'all', 'exists_one'), operand)
      .map(([one, macro, other]) => `${one}.${macro}(x, x == ${other})`),
    fc.tuple(path, operand).map(([one, other]) => `size(${one}.filter(x, x != ${other})) == 1`),
    fc.tuple(path, operand).map(([one, other]) => `${one}.map(x, x) == ${other}`),
    fc.tuple(path, operand).map(([one, other]) => `${one}.exists(k, ${one}[k] == ${other})`),
  )
  const condition = fc.oneof(
    fact,
    fact.map((one) => `!(${one})`),
    fc.tuple(fact, fc.constantFrom('&&', '||'), fact).map(([a, op, b]) => `(${a}) ${op} (${b})`),
  )
  let known = 0
  fc.assert(
    fc.property(small, fc.infiniteStream(fc.boolean()), condition, (value, choices, text) => {
      const kept = withReferences(value, () => choices.next().value === true)
      const held = evaluateCondition(text, (name) => (name === 'v' ? kept : undefined))
      if (held.value === null) return
      known++
      const whole = evaluateCondition(text, (name) => (name === 'v' ? value : undefined))
      assert.equal(held.value, whole.value, `${text}: ${whole.reason}`)
    }),
    { numRuns: 5_000 },
  )
  assert.ok(known > 200, `${known} of them had a value`)
})
