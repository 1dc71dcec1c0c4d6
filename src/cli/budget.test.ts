import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { document, ID, withServer } from './stand-ins.ts'

const amounts = (calls: number, tokens: number, money: number) => ({ calls, tokens, money })
const budget = {
  accounts: [
    {
      account: 'run',
      parent: null,
      limits: { calls: 10, tokens: null, money: 1.5 },
      kept_for_close_out: amounts(1, 0, 0),
      spent: amounts(4, 2_000, 0.25),
      reserved: amounts(2, 0, 0),
      estimated: amounts(0, 1_000, 0),
      estimated_share: 0.5,
    },
  ],
  children: [{ run: 'run_child', stage: 'sub', spent: amounts(3, 900, 0), estimated: amounts(0, 0, 0) }],
  wall_clock_ms: 3_600_000,
  depth: 2,
  fan_out: null,
  notices: [],
  denied: [],
  raised: [{ unit: 'calls', to: 10, by: 'anna', reason: 'worth it', at: 1 }],
}
const accepted = { status: 202, body: { run_id: ID, status: 'waiting', accepted: true, mail: 1 } }

describe('quorate budget', () => {
  test('shows limits, what is used of them, children, and who raised what', () =>
    withServer({ [`GET /runs/${ID}`]: { body: { ...(document('running') as object), budget } } }, async (_, line) => {
      assert.equal(await line.run('budget', ID), 0)
      const text = line.printed.out.join('\n')
      for (const expected of [
        /run +calls +10 +4 +2 +1 +0 %/,
        /run +tokens +none +2,000 +0 +0 +50 %/,
        /run +money +1\.5 +0\.25/,
        /wall clock 1h, depth 2/,
        /sub \(run_child\): 3 calls, 900 tokens/,
        /calls raised to 10 by anna: worth it/,
      ])
        assert.match(text, expected)
    }))

  test('a run that nothing limits says so', () =>
    withServer(
      { [`GET /runs/${ID}`]: { body: { ...(document('running') as object), budget: null } } },
      async (_, line) => {
        assert.equal(await line.run('budget', ID), 0)
        assert.deepEqual(line.printed.out, ['Nothing limits this run.'])
      },
    ))

  test('raises one limit, for a reason; a duration becomes milliseconds', () =>
    withServer({ [`POST /runs/${ID}/budget`]: accepted }, async (server, line) => {
      assert.equal(await line.run('budget', ID, '--raise', 'money=2.50', '--reason', 'agreed'), 0)
      assert.deepEqual(server.asked.at(-1)?.body, { unit: 'money', to: 2.5, reason: 'agreed' })
      assert.equal(await line.run('budget', ID, '--raise', 'wall_clock=1h30m', '--reason', 'slow'), 0)
      assert.deepEqual(server.asked.at(-1)?.body, { unit: 'wall_clock', to: 5_400_000, reason: 'slow' })
    }))

  test('what cannot be meant is refused before anything is sent', () =>
    withServer({}, async (server, line) => {
      for (const raise of ['token=5', 'calls=many', 'calls', 'wall_clock=5', 'calls=-1'])
        assert.notEqual(await line.run('budget', ID, '--raise', raise, '--reason', 'x'), 0, raise)
      assert.notEqual(await line.run('budget', ID, '--raise', 'calls=9'), 0)
      assert.equal(server.asked.length, 0)
    }))
})
