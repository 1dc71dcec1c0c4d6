import assert from 'node:assert/strict'
import { test } from 'node:test'
import { withServer } from './stand-ins.ts'

const totals = {
  completed: 40,
  failed: 2,
  other: 0,
  input_tokens: 1_000,
  output_tokens: 500,
  unknown_usage: 0,
  calls: 42,
  p50_ms: 1_200,
  p95_ms: 9_000,
  success: { value: 0.952, n: 42, needs: 30, interval: [0.84, 0.99] },
}
const few = {
  ...totals,
  calls: 4,
  p50_ms: null,
  p95_ms: null,
  success: { value: null, n: 4, needs: 30, interval: null },
}

test('metrics: each agent with its interval, and what is too little says so', () =>
  withServer(
    {
      'GET /metrics_over_time': {
        body: {
          runs: { total: 7 },
          totals,
          groups: [
            { name: 'ann', totals },
            { name: 'bob', totals: few },
          ],
        },
      },
    },
    async (server, line) => {
      assert.equal(await line.run('metrics', '--range', '7d'), 0)
      const text = line.printed.out.join('\n')
      assert.match(text, /7 runs and 42 attempts of tasks ended in the last 7d/)
      assert.match(text, /ann +42 +95 % \(84 to 99\) of 42 +1\.2 s +9\.0 s +1\.5k/)
      assert.match(text, /bob +4 +needs 30 results, has 4/)
      assert.deepEqual([server.asked[0]?.query.get('by'), server.asked[0]?.query.get('points')], ['agent', 'false'])
      assert.equal(await line.run('metrics', '--range', 'ever'), 64)
    },
  ))

test('questions: what is asked, what happens by itself, and the command that answers', () => {
  const run = { id: 'run_1', goal: 'Release it', definition: null }
  const items = [
    { kind: 'approval', id: 'ask', run, question: 'Deploy?', due: 1_060_000, default: 'refuse' },
    { kind: 'effect', id: 'a/b', run, question: 'Did it happen?', due: null },
    { kind: 'signal', id: 'go', run, due: 1_060_000 },
  ]
  return withServer({ 'GET /questions': { body: { items, total: 4 } } }, async (_, line) => {
    assert.equal(await line.run('questions'), 0)
    const text = line.printed.out.join('\n')
    assert.match(text, /Deploy\?\n {2}in 1 min 0 s it is taken as: refuse\n {2}quorate approve run_1 ask/)
    assert.match(text, /quorate signal run_1 go/)
    assert.match(line.printed.err.join('\n'), /1 more/)
  })
})

const one = {
  id: 'try_1',
  state: 'running',
  output: null,
  failure: null,
  duration_ms: null,
  model: null,
  progress: null,
}
test('agents try: waits for the answer and prints it', () => {
  let looks = 0
  return withServer(
    {
      'POST /agents/ann/tries': { status: 202, body: one },
      'GET /tries/try_1': () => ({
        body:
          ++looks < 2 ? one : { ...one, state: 'completed', output: 'hello\u001b[2J', duration_ms: 1_500, model: 'm' },
      }),
    },
    async (server, line) => {
      assert.equal(await line.run('agents', 'try', 'ann', 'Say hello.', '--timeout', '30s'), 0)
      assert.deepEqual(server.asked[0]?.body, { prompt: 'Say hello.', timeout: '30s' })
      assert.ok(!line.printed.out.join('').includes('\u001b'))
      assert.match(line.printed.out.join(''), /^hello/)
      assert.match(line.printed.err.join(''), /1\.5 s, m/)
    },
  )
})

test('agents try: a failure is the agent’s own', () =>
  withServer(
    {
      'POST /agents/ann/tries': { status: 202, body: one },
      'GET /tries/try_1': {
        body: { ...one, state: 'failed', failure: { kind: 'timeout', message: 'ann did not answer within 2m' } },
      },
    },
    async (_, line) => {
      assert.equal(await line.run('agents', 'try', 'ann', 'x'), 1)
      assert.match(line.printed.err.join(''), /did not answer within 2m/)
    },
  ))

test('agents try: Ctrl-C stops it', () => {
  let cancelled = false
  return withServer(
    {
      'POST /agents/ann/tries': { status: 202, body: one },
      'POST /tries/try_1/cancel': () => {
        cancelled = true
        return { status: 202, body: one }
      },
      'GET /tries/try_1': () => {
        if (cancelled) return { body: { ...one, state: 'cancelled' } }
        pressed()
        return { body: one }
      },
    },
    async (_, line) => {
      pressed = () => line.interrupt()
      assert.equal(await line.run('agents', 'try', 'ann', 'x'), 3)
    },
  )
})
let pressed = (): void => undefined
