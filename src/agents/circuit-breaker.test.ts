import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import {
  agentBreakerDefaults,
  allows,
  type Breaker,
  type BreakerSettings,
  closedBreaker,
  failureRate,
  permit,
  resilience4jDefaults,
  settleCall,
} from './circuit-breaker.ts'

/** Plays a table: `+` success, `-` failure, `s` slow success, `.` says nothing, `x` must be refused, `>N` waits N seconds. */
function play(
  settings: BreakerSettings,
  script: string,
  from: Breaker = closedBreaker,
): { breaker: Breaker; now: number } {
  let breaker = from
  let now = 0
  for (const [word] of script.matchAll(/>[\d.]+|\S/g)) {
    if (word.startsWith('>')) {
      now += Number(word.slice(1)) * 1_000
      continue
    }
    const let_through = permit(breaker, settings, now)
    breaker = let_through.breaker
    assert.equal(let_through.permit === null, word === 'x', `${word} in ${script} while ${breaker.state}`)
    if (let_through.permit === null) continue
    const result = word === '-' ? 'failure' : word === '.' ? 'nothing' : 'success'
    breaker = settleCall(
      breaker,
      settings,
      let_through.permit,
      { result, duration_ms: word === 's' ? settings.slow_call_ms + 1 : 1 },
      now,
    )
  }
  return { breaker, now }
}

const tables: [string, BreakerSettings, string, Breaker['state'], number | null][] = [
  ['nothing known', agentBreakerDefaults, '', 'closed', null],
  ['nine failures are below the minimum (B3)', agentBreakerDefaults, '---------', 'closed', null],
  ['ten calls, half failed: opens at the threshold', agentBreakerDefaults, '+++++-----', 'open', null],
  ['ten calls, four failed', agentBreakerDefaults, '++++++----', 'closed', 0.4],
  ['old calls leave the window of 20', agentBreakerDefaults, '++++++---- ++++++++++ ++++++++++', 'closed', 0],
  ['what says nothing is not counted', agentBreakerDefaults, '--------- . . . . .', 'closed', null],
  ['refuses while open (B1)', agentBreakerDefaults, '---------- x x >14.9 x', 'open', null],
  ['two good trials close it', agentBreakerDefaults, '---------- >15 + +', 'closed', null],
  ['one failed trial of two opens it again', agentBreakerDefaults, '---------- >15 + - x', 'open', null],
  ['the wait doubles', agentBreakerDefaults, '---------- >15 - - >29.9 x >0.1 + +', 'closed', null],
  [
    'and begins anew once it has closed',
    agentBreakerDefaults,
    '---------- >15 - - >30 + + ---------- >14.9 x >0.1 +',
    'half_open',
    null,
  ],
  [
    'the wait ends at five minutes',
    agentBreakerDefaults,
    '---------- >15 -- >30 -- >60 -- >120 -- >240 -- >300 -- >299 x >1 ++',
    'closed',
    null,
  ],
  ['a trial that says nothing is given back', agentBreakerDefaults, '---------- >15 . . . + +', 'closed', null],
  ['all calls slow', agentBreakerDefaults, 'ssssssssss', 'open', null],
  ['one quick call among slow ones', agentBreakerDefaults, 'sssssssss+', 'closed', 0],
  ['resilience4j: 99 failures', resilience4jDefaults, '-'.repeat(99), 'closed', null],
  ['resilience4j: 100 calls, 49 failed', resilience4jDefaults, '+'.repeat(51) + '-'.repeat(49), 'closed', 0.49],
  ['resilience4j: 100 calls, 50 failed', resilience4jDefaults, '+'.repeat(50) + '-'.repeat(50), 'open', null],
  [
    'resilience4j: waits 60 s, ten trials, half failed',
    resilience4jDefaults,
    `${'-'.repeat(100)} >59 x >1 +++++-----`,
    'open',
    null,
  ],
  [
    'resilience4j: the wait does not grow',
    resilience4jDefaults,
    `${'-'.repeat(100)} >60 ---------- >59 x >1 ++++++----`,
    'closed',
    null,
  ],
]
for (const [name, settings, script, state, rate] of tables) {
  test(`breaker: ${name}`, () => {
    const { breaker } = play(settings, script)
    assert.equal(breaker.state, state)
    assert.equal(failureRate(breaker, settings), rate)
  })
}

test('breaker: no more trials at once than allowed (B2)', () => {
  const { breaker, now } = play(agentBreakerDefaults, '---------- >15')
  const first = permit(breaker, agentBreakerDefaults, now)
  const second = permit(first.breaker, agentBreakerDefaults, now)
  assert.notEqual(second.permit, null)
  assert.equal(permit(second.breaker, agentBreakerDefaults, now).permit, null)
  assert.equal(allows(second.breaker, agentBreakerDefaults, now), false)
})

test('breaker: a call let through before it opened does not count afterwards', () => {
  const early = permit(closedBreaker, agentBreakerDefaults, 0)
  const { breaker, now } = play(agentBreakerDefaults, '---------- >15 + +', early.breaker)
  assert.equal(breaker.state, 'closed')
  assert.ok(early.permit !== null)
  assert.deepEqual(
    settleCall(breaker, agentBreakerDefaults, early.permit, { result: 'failure', duration_ms: 1 }, now),
    breaker,
  )
})

test('breaker: B1 to B3 hold in any order of calls, results and time', () => {
  const act = fc.record({
    wait: fc.nat(40_000),
    begin: fc.boolean(),
    result: fc.constantFrom('success', 'failure', 'nothing' as const),
    which: fc.nat(20),
  })
  fc.assert(
    fc.property(fc.array(act, { maxLength: 200 }), (acts) => {
      const settings = agentBreakerDefaults
      let breaker = closedBreaker
      let now = 0
      const pending: number[] = []
      for (const { wait, begin, result, which } of acts) {
        now += wait
        if (begin) {
          const let_through = permit(breaker, settings, now)
          if (breaker.state === 'open' && now < (breaker.open_until ?? 0)) assert.equal(let_through.permit, null)
          breaker = let_through.breaker
          if (let_through.permit !== null) pending.push(let_through.permit)
        } else {
          const [permitted] = pending.splice(which % Math.max(1, pending.length), 1)
          if (permitted === undefined) continue
          const before = breaker
          breaker = settleCall(breaker, settings, permitted, { result, duration_ms: 1 }, now)
          if (before.state === 'closed' && breaker.state === 'open')
            assert.ok(before.calls.length + 1 >= settings.minimum)
        }
        assert.ok(breaker.trying >= 0)
        if (breaker.state === 'half_open') assert.ok(breaker.trying + breaker.calls.length <= settings.trials)
        assert.ok(breaker.calls.length <= settings.window)
      }
    }),
    { numRuns: 200 },
  )
})
