import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { evaluateBinding, evaluateCondition, type Lookup, parseExpression } from './expression.ts'
import { isBlobRef, type Json } from './value.ts'

const large = { $blob: `sha256:${'a'.repeat(64)}`, bytes: 9000, preview: 'abc' }
const scope: { [name: string]: Json } = {
  review: {
    status: 'completed',
    failed: 3,
    n: 4,
    agreement: null,
    agreement_reason: 'only one output',
    output: large,
    outputs: { draft: 'text', big: large, odd: { constructor: 1, score: 7 } },
  },
  skipped: { status: 'skipped', output: null, failed: null, outputs: {} },
  coherence: null,
  double: 5,
  index: 1,
  inputs: { topic: 'x', n: 2, list: [1, 2, 3] },
  long: Array.from({ length: 10_001 }, () => 1),
  items: Array.from({ length: 3_000 }, (_, i) => i),
}
const lookup: Lookup = (name) => scope[name]

const conditions: [text: string, value: boolean | null, reason?: RegExp][] = [
  ['review.failed > 2', true],
  ['review.failed == 3', true],
  ['review.failed != 3', false],
  ['review.failed / review.n >= 0.75', true],
  ['inputs.n % 2 == 0', true],
  ['size(inputs.list) == inputs.n + 1', true],
  ['inputs.list[index] == 2', true],
  ['inputs.list.exists(x, x > 2)', true],
  ['3 in inputs.list', true],
  ['double > 4', true],
  ['review["failed"] > 2', true],
  ['review.outputs.odd["constructor"] == 1', true],
  ['review.outputs.exists(name, name == "draft")', true],
  ['coherence < 0.7', null, /^coherence is null$/],
  ['review.agreement < 0.7', null, /^review\.agreement is null: only one output$/],
  ['review.agreement != 1.0', null, /^review\.agreement is null: only one output$/],
  ['review.agreement == null', true],
  ['review.agreement == null || review.agreement < 0.7', true],
  ['coherence < 0.7 || review.failed > 2', true],
  ['coherence < 0.7 && review.failed > 2', null, /coherence is null/],
  ['skipped.failed > 1', null, /^skipped\.failed is null: skipped was skipped$/],
  ['skipped.output.points > 1', null, /^skipped\.output is null, so there is no skipped\.output\.points$/],
  ['review.nothing > 1', null, /^review\.nothing is absent$/],
  ['has(review.nothing)', false],
  ['has(skipped.outputs.t)', false],
  ['unknown > 1', null, /^unknown is not in scope$/],
  ['review.__proto__ == 1', null, /absent/],
  ['review.failed', null, /yields a number, not true or false/],
  ['inputs.topic > 1', null, /> cannot be applied to a text and a number/],
  ['review.failed = 3', null, /equality is written ==/],
  ['review.failed >', null, /cannot be read: unexpected token: the end/],
  ['loop.failed > 1', null, /"loop" is a word that CEL keeps/],
  ['review.failed / 0 > 1', null, /division by zero/],
  ['review.output == "x"', null, /review\.output is a large value \(9000 bytes\)/],
  ['review.output.points > 1', null, /review\.output is a large value/],
  ['review.outputs.exists(k, review.outputs[k] == "x")', null, /large value/],
  ['timestamp("2026-01-01T00:00:00Z") == null', null, /there is no function timestamp/],
  ['inputs.topic.matches("(a+)+$")', null, /there is no function matches/],
  ['cel.bind(a, 1, a == 1)', null, /there is no function bind/],
]

for (const [text, value, reason] of conditions)
  test(`condition: ${text}`, () => {
    const result = evaluateCondition(text, lookup)
    assert.equal(result.value, value, result.reason)
    if (reason) assert.match(result.reason, reason)
  })

test('a condition says what it read, shortened', () => {
  const { values } = evaluateCondition(
    'review.failed > 2 || size(long) > 1 || review.output == inputs.list || inputs.topic == "y"',
    lookup,
  )
  assert.deepEqual(values, {
    'review.failed': 3,
    long: 'a list of 10001',
    'review.output': 'a value of 9000 bytes',
    'inputs.list': [1, 2, 3],
    'inputs.topic': 'x',
  })
})

test('cost is bounded: long lists, nested macros, doubling texts', () => {
  assert.match(
    evaluateCondition('long.all(x, x == 1)', lookup).reason,
    /10001 items, and an expression looks at no more than 10000/,
  )
  assert.match(evaluateCondition('items.all(a, items.all(b, items.all(c, c >= 0)))', lookup).reason, /too much work/)
  assert.match(
    evaluateCondition(`["0123456789"]${'.map(a, a + a)'.repeat(60)}[0] == "x"`, lookup).reason,
    /too much work/,
  )
  assert.match(evaluateCondition(`inputs.n ${'+ 1 '.repeat(600)} > 1`, lookup).reason, /at most 2000 characters/)
  assert.match(evaluateCondition(`${'('.repeat(300)}1${')'.repeat(300)} == 1`, lookup).reason, /maxDepth/)
})

test('where null is asked for, what is absent is null', () => {
  const asked: Lookup = (name) => (name === 'step' ? { status: 'skipped', output: null, list: [1] } : undefined)
  const value = (text: string): boolean | null => evaluateCondition(text, asked).value
  assert.deepEqual(
    ['step.output.points == null', 'step.nothing == null', 'null != step.output.points', 'step.list[3] == null'].map(
      value,
    ),
    [true, true, false, true],
  )
  assert.equal(value('step.output.points == null || step.output.points > 2'), true)
  assert.equal(value('step.output.points == 3'), null)
  assert.equal(value('other.output == null'), null, 'a name that is not in scope is a mistake, not null')
})

test('an evaluation that ran out of work leaves nothing behind for the next', () => {
  assert.equal(evaluateCondition('items.all(a, items.all(b, b >= inputs.n))', lookup).value, false)
  assert.equal(evaluateCondition('items.all(a, items.all(b, b >= 0))', lookup).value, null)
  assert.equal(evaluateCondition('items.all(a, items.all(b, b >= inputs.n))', lookup).value, false)
})

const bindings: [binding: Json, value: unknown][] = [
  ['plain', 'plain'],
  ['==x', '=x'],
  ['=inputs.topic', 'x'],
  ['=review.output', large],
  ['=review.outputs', (scope.review as { outputs: Json }).outputs],
  ['=long', scope.long],
  ['=skipped.output', null],
  ['=review.failed + 1', 4],
  ['=size(inputs.list)', 3],
  ['=inputs.list.map(x, x * 2)', [2, 4, 6]],
  ['={"a": inputs.n, "b": [null, "c"]}', { a: 2, b: [null, 'c'] }],
  ['={"a": review.output}', { a: large }],
  ['=skipped.status == "skipped" ? review.output : skipped.output', large],
  [
    { deep: ['=inputs.topic', 1, { x: '=review.n' }], __proto__x: null },
    { deep: ['x', 1, { x: 4 }], __proto__x: null },
  ],
]

for (const [binding, value] of bindings)
  test(`binding: ${JSON.stringify(binding)}`, () =>
    assert.deepEqual(evaluateBinding(binding, lookup), { ok: true, value }))

const failing: [binding: Json, message: RegExp][] = [
  ['=unknown', /^unknown is not in scope$/],
  ['=review.nothing', /^review\.nothing is absent$/],
  ['=review.output.x', /large value \(9000 bytes\).*can be passed on as it is \(=review\.output\)/],
  ['=size(review.output)', /large value/],
  ['=review.output == "a"', /large value/],
  ['=review.output.map(x, x)', /large value/],
  ['=9007199254740993', /too large a whole number/],
  ['=1 +', /unexpected token: the end/],
  [['=1 + "a"'], /\+ cannot be applied to a number and a text/],
  [`={"$blob": "sha256:${'b'.repeat(32)}" + "${'b'.repeat(32)}"}`, /form in which Quorate refers to a large value/],
  [{ deep: [{ $blob: `="${large.$blob}"`, x: 1 }] }, /form in which Quorate refers to a large value/],
  [large, /form in which Quorate refers to a large value/],
]

for (const [binding, message] of failing)
  test(`binding fails: ${JSON.stringify(binding)}`, () => {
    const result = evaluateBinding(binding, lookup)
    assert.ok(!result.ok)
    assert.match(result.failure.message, message)
    assert.ok(result.failure.remedy)
  })

test('parsing gives names and paths, without those of macros', () => {
  assert.deepEqual(parseExpression('review.failed > 2 && inputs.list.exists(x, x == review.outputs["a b"][0])'), {
    ok: true,
    value: {
      text: 'review.failed > 2 && inputs.list.exists(x, x == review.outputs["a b"][0])',
      roots: ['review', 'inputs'],
      paths: ['review.failed', 'inputs.list', 'review.outputs["a b"][0]'],
    },
  })
  const failed = parseExpression('review.failed = 2')
  assert.ok(!failed.ok)
  assert.equal(failed.failure.column, 15)
})

const words = [
  'review',
  'inputs',
  'coherence',
  '.failed',
  '.list',
  '.outputs',
  '.exists(',
  '.map(x,',
  'x',
  '>',
  '==',
  '!=',
  '<',
  '&&',
  '||',
  '!',
  '+',
  '/',
  '%',
  '(',
  ')',
  '[',
  ']',
  '{',
  '}',
  ',',
  ':',
  '?',
  '0',
  '1.5',
  '"a"',
  'null',
  'true',
  'has(',
  'size(',
  'in',
  '-',
  '\n',
  '\u{1F600}',
  "'",
  'r"\\',
]
const anyText = fc.oneof(
  fc.string({ unit: 'binary' }),
  fc.array(fc.constantFrom(...words), { maxLength: 25 }).map((parts) => parts.join(' ')),
)

test('no text and no values make an evaluation throw, and a result is always true, false or null with a reason', () => {
  fc.assert(
    fc.property(
      anyText,
      fc.dictionary(fc.constantFrom('review', 'inputs', 'coherence', 'x'), fc.jsonValue({ maxDepth: 4 })),
      (text, values) => {
        const see: Lookup = (name) => (Object.hasOwn(values, name) ? (values[name] as Json) : undefined)
        const result = evaluateCondition(text, see)
        assert.ok(result.value === null || typeof result.value === 'boolean')
        assert.ok(result.reason.length > 0)
        JSON.stringify(result.values)
        const bound = evaluateBinding(`=${text}`, see)
        if (bound.ok) assert.notEqual(JSON.stringify(bound.value), undefined)
        else assert.ok(bound.failure.message.length > 0)
      },
    ),
    { numRuns: 1_000 },
  )
})

test('a value that is passed on is the value, whatever it holds', () => {
  fc.assert(
    fc.property(fc.jsonValue(), (value) => {
      const result = evaluateBinding({ direct: '=v', inside: '=o.v' }, (name) =>
        name === 'v' ? (value as Json) : { v: value as Json },
      )
      assert.deepEqual(result, { ok: true, value: { direct: value, inside: value } })
    }),
    { numRuns: 300 },
  )
})

test('comparisons of numbers are those of mathematics, however they are written', () => {
  const number = fc.oneof(fc.integer({ min: -1_000, max: 1_000 }), fc.double({ min: -1_000, max: 1_000, noNaN: true }))
  fc.assert(
    fc.property(number, number, (a, b) => {
      const see: Lookup = (name) => (name === 'a' ? a : b)
      for (const [op, expected] of [
        ['<', a < b],
        ['<=', a <= b],
        ['>', a > b],
        ['==', a === b],
        ['!=', a !== b],
      ] as const)
        assert.equal(evaluateCondition(`a ${op} b`, see).value, expected)
      if (Number.isInteger(b)) assert.equal(evaluateCondition(`a < ${b}`, see).value, a < b)
    }),
    { numRuns: 300 },
  )
})

test('the same expression over the same values gives the same, and large values stay references', () => {
  const first = evaluateCondition('review.failed > 2 && has(review.output)', lookup)
  assert.deepEqual(evaluateCondition('review.failed > 2 && has(review.output)', lookup), first)
  const passed = evaluateBinding('=review.output', lookup)
  assert.ok(passed.ok && isBlobRef(passed.value))
})
