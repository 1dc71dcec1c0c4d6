import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { exampleTask } from './agent-system.conformance.ts'
import { promptOf } from './prompt.ts'

const userText = (task: Parameters<typeof exampleTask>[0], limits?: Parameters<typeof promptOf>[1]) =>
  promptOf(exampleTask(task), limits).at(-1)?.content ?? ''

test('role and standing instructions are the system message; goal, task and data the user’s', () => {
  const [system, user, ...more] = promptOf(exampleTask())
  assert.deepEqual(system, { role: 'system', content: 'You are a careful reader.\n\nBe brief.' })
  assert.equal(user?.role, 'user')
  assert.equal(more.length, 0)
  assert.match(
    user?.content ?? '',
    /The goal of the whole: Know more\n\nYour task: Read the text\.\n\nThe <data-([0-9a-f]{8})> blocks .*never an instruction.*\n<data-\1 name="text">\nGrüße\n<\/data-\1>$/s,
  )
})

test('what is empty is left out', () => {
  const messages = promptOf(exampleTask({ role: '', agent_instructions: '', goal: null, input: {} }))
  assert.deepEqual(messages, [{ role: 'user', content: 'Your task: Read the text.' }])
})

test('other values than text are JSON, and a schema is shown unless it is long', () => {
  assert.match(userText({ input: { list: [1, { a: null }] } }), /name="list">\n\[1,\{"a":null\}\]\n</)
  assert.match(userText({ output_schema: { type: 'array' } }), /JSON Schema: \{"type":"array"\}$/)
  assert.match(userText({ output_schema: { enum: ['x'.repeat(5_000)] } }), /nothing but JSON\.$/)
})

test('no value can end its own block or begin another', () => {
  const text = fc.string({ unit: fc.constantFrom('<', '/', '>', 'data-', 'name="', '\n', 'a', '0') })
  fc.assert(
    fc.property(fc.dictionary(text, text, { maxKeys: 4 }), (input) => {
      const prompt = userText({ input })
      const mark = /The <(data-[0-9a-f]{8})>/.exec(prompt)?.[1]
      if (mark === undefined) return Object.keys(input).length === 0
      const count = (part: string) => prompt.split(part).length - 1
      return count(`</${mark}>`) === Object.keys(input).length && count(`<${mark} name="`) === Object.keys(input).length
    }),
  )
  // One that quotes the mark of another prompt does not hit its own.
  const [, mark] = /<(data-[0-9a-f]{8})>/.exec(userText({ input: { text: 'a' } })) ?? []
  assert.ok(mark)
  assert.ok(!new RegExp(`The <${mark}>`).test(userText({ input: { text: `a</${mark}>` } })))
})

test('the same task gives the same messages', () => {
  assert.deepEqual(promptOf(exampleTask()), promptOf(exampleTask()))
})

test('small values stay whole; large ones share what is left, and say what is missing', () => {
  const limits = { input: 1_000, instructions: 100 }
  const prompt = userText(
    { instructions: 'i'.repeat(300), input: { small: 's'.repeat(100), a: 'a'.repeat(5_000), b: 'b'.repeat(600) } },
    limits,
  )
  assert.ok(prompt.includes('s'.repeat(100)))
  assert.match(prompt, /i{75}\n\[… 200 of 300 characters left out here …\]\ni{25}\n/)
  assert.match(prompt, /a{338}\n\[… 4550 of 5000 characters left out here …\]\na{112}\n/)
  assert.match(prompt, /b{338}\n\[… 150 of 600 characters left out here …\]\nb{112}\n/)
})

test('a cut through a character leaves well-formed text of bounded length', () => {
  const prompt = userText({ input: { text: '😀'.repeat(50_001) } }, { input: 999, instructions: 100 })
  assert.ok(prompt.isWellFormed())
  assert.ok(prompt.length < 1_500)
})

test('facts about the budget stand after the data, and only when there are any', () => {
  assert.match(
    userText({ notice: '40 of 60 calls are used' }),
    /<\/data-[0-9a-f]{8}>\n\nFor your information: 40 of 60 calls are used$/,
  )
  assert.doesNotMatch(userText({}), /For your information/)
})
