import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Health } from '../agent-systems/agent-system.ts'
import { CHECK_EVERY_MS, CHECK_TIMEOUT_MS, CHECKS_AT_ONCE } from './health.ts'
import { agent, attempt, standIn, testFleet, turn, until } from './stand-ins.ts'

const well: Health = { ok: true, detail: 'here' }
const ill: Health = { ok: false, detail: 'connection refused' }
const asked = () => new AbortController().signal

test('an agent that never answered is offline at its first failed check and gets no task; one that did, at its second', async (t) => {
  const health: { [name: string]: Health } = { never: ill, flaky: well }
  const systems = Object.keys(health).map((name) => standIn(name, { check: async () => health[name] as Health }))
  const { fleet, perform } = await testFleet(t, systems, { agents: [agent('never', 'never'), agent('flaky', 'flaky')] })
  const statuses = async () => (await fleet.list()).map((each) => `${each.name} ${each.status}`)
  assert.deepEqual(await statuses(), ['flaky idle', 'never idle'], 'not checked yet')
  await fleet.check_all(asked())
  assert.deepEqual(await statuses(), ['flaky idle', 'never offline'])
  assert.equal((await perform(attempt('t', { agent: 'never' }))).agent, 'flaky')
  health.flaky = ill
  await fleet.check_all(asked())
  assert.deepEqual(await statuses(), ['flaky degraded', 'never offline'])
  await fleet.check_all(asked())
  assert.deepEqual(await statuses(), ['flaky offline', 'never offline'])
  const nobody = await perform(attempt('u'))
  assert.ok(!nobody.ok && nobody.failure.kind === 'unavailable' && nobody.retryable)
  assert.match(nobody.why, /offline: connection refused/)
  assert.deepEqual(fleet.capabilities(), {})
  health.never = well
  assert.deepEqual(await fleet.probe('never', asked()), { ok: true, value: well })
  assert.deepEqual(await statuses(), ['flaky offline', 'never idle'])
  const unknown = await fleet.probe('nobody', asked())
  assert.ok(!unknown.ok && unknown.failure.kind === 'not_found')
})

test('a check that hangs or breaks down is a failed check, within its bound', async (t) => {
  t.mock.timers.enable({ apis: ['setTimeout'] })
  const signals: AbortSignal[] = []
  const hangs = standIn('hangs', {
    check: (signal) => {
      signals.push(signal)
      return new Promise(() => {})
    },
  })
  const breaks = standIn('breaks', {
    check: async () => {
      throw new Error('sk-secret')
    },
  })
  const { fleet } = await testFleet(t, [hangs, breaks], {
    agents: [agent('hangs', 'hangs'), agent('breaks', 'breaks')],
  })
  const done = fleet.check_all(asked())
  await until(() => signals.length === 1)
  t.mock.timers.tick(CHECK_TIMEOUT_MS)
  await done
  assert.equal(signals[0]?.aborted, true)
  assert.equal((await fleet.get('hangs'))?.health?.detail, 'no answer within 5 s')
  assert.equal((await fleet.get('breaks'))?.health?.detail, 'the check broke down: Error')
})

test('at most eight checks at once', async (t) => {
  let now = 0
  let most = 0
  const outside = standIn('outside', {
    check: async () => {
      most = Math.max(most, ++now)
      await turn()
      now--
      return well
    },
  })
  const { fleet } = await testFleet(t, [outside], {
    agents: Array.from({ length: 30 }, (_, i) => agent(`a${i}`, 'outside')),
  })
  await fleet.check_all(asked())
  assert.equal(most, CHECKS_AT_ONCE)
})

test('agents are checked by themselves, spread over the interval; one that answered a call meanwhile is not', async (t) => {
  t.mock.timers.enable({ apis: ['setInterval'] })
  const checks: { [name: string]: number[] } = { works: [], idles: [] }
  const systems = Object.keys(checks).map((name) =>
    standIn(name, {
      check: async () => {
        checks[name]?.push(clock.now)
        return well
      },
    }),
  )
  const { fleet, perform, clock } = await testFleet(t, systems, {
    agents: [agent('works', 'works'), agent('idles', 'idles')],
  })
  const start = clock.now
  for (let second = 1; second <= 60; second++) {
    clock.now += 1_000
    t.mock.timers.tick(1_000)
    await turn()
    if (second % 5 === 0) await perform(attempt(`t${second}`, { agent: 'works' }))
  }
  assert.equal(checks.works?.length, 1, 'only at the start')
  const idles = checks.idles ?? []
  assert.equal(idles[0], start + 1_000)
  assert.ok(idles.length >= 4 && idles.length <= 6, String(idles.length))
  for (let i = 1; i < idles.length; i++) {
    const gap = (idles[i] ?? 0) - (idles[i - 1] ?? 0)
    assert.ok(gap >= 0.8 * CHECK_EVERY_MS && gap <= 1.2 * CHECK_EVERY_MS + 1_000, String(gap))
  }
  await fleet.close()
})

test('an agent that is not well is looked at again sooner, less and less often', async (t) => {
  t.mock.timers.enable({ apis: ['setInterval'] })
  const checks: number[] = []
  const outside = standIn('outside', {
    check: async () => {
      checks.push(clock.now)
      return ill
    },
  })
  const { fleet, clock } = await testFleet(t, [outside], { agents: [agent('a', 'outside')] })
  for (let second = 1; second <= 60; second++) {
    clock.now += 1_000
    t.mock.timers.tick(1_000)
    await turn()
  }
  const gaps = checks.slice(1).map((at, i) => (at - (checks[i] ?? 0)) / 1_000)
  for (const [i, expected] of [2, 4, 8, 15].entries()) {
    assert.ok((gaps[i] ?? 0) >= 0.8 * expected && (gaps[i] ?? 0) <= 1.2 * expected + 1, String(gaps))
  }
  await fleet.close()
})
