import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { type AdmissionLimits, createAdmission, type Place, type PlaceRequest } from './admission.ts'

const limits = (more: Partial<AdmissionLimits> = {}): AdmissionLimits => ({
  total: 100,
  queue: 10_000,
  agent: () => 100,
  host: () => 100,
  lease_ms: 1_000,
  ...more,
})
const request = (run: string, agent: string, more: Partial<PlaceRequest> = {}): PlaceRequest => ({
  run,
  agent,
  host: 'h',
  priority: 0,
  signal: new AbortController().signal,
  ...more,
})
/** Lets every promise that can settle do so. */
const settle = () => new Promise<void>((resolve) => setImmediate(resolve))

/** Admission with a list of who was let in, in order. */
function recorded(of: AdmissionLimits) {
  let now = 0
  const admission = createAdmission(of, () => now)
  const places = new Map<string, Place>()
  const order: string[] = []
  const ask = (name: string, asked: PlaceRequest) => {
    void admission.acquire(asked).then((outcome) => {
      if (outcome === 'moved' || !outcome.ok)
        return order.push(`${name}!${outcome === 'moved' ? outcome : outcome.failure.kind}`)
      places.set(name, outcome.value)
      return order.push(name)
    })
  }
  return { admission, places, order, ask, pass: (ms: number) => (now += ms) }
}

test('one run is served in the order in which its calls came (A3)', async () => {
  const { order, ask, places } = recorded(limits({ total: 1 }))
  for (const name of ['1', '2', '3', '4']) ask(name, request('r', 'a'))
  await settle()
  assert.deepEqual(order, ['1'])
  for (const name of ['1', '2', '3']) {
    places.get(name)?.release()
    await settle()
  }
  assert.deepEqual(order, ['1', '2', '3', '4'])
})

test('a call that waits for a full agent holds up nobody else (A3)', async () => {
  const { order, ask } = recorded(limits({ agent: (agent) => (agent === 'slow' ? 1 : 100) }))
  for (const name of ['slow1', 'slow2', 'slow3']) ask(name, request('r', 'slow'))
  for (const name of ['quick1', 'quick2']) ask(name, request('r', 'quick'))
  await settle()
  assert.deepEqual(order, ['slow1', 'quick1', 'quick2'])
})

test('runs take turns: 500 calls of one do not starve another (A4)', async () => {
  const { order, ask, places } = recorded(limits({ total: 2 }))
  for (let i = 0; i < 500; i++) ask(`big${i}`, request('big', 'a'))
  for (let i = 0; i < 5; i++) ask(`small${i}`, request('small', 'a'))
  await settle()
  for (let i = 0; i < 11; i++) {
    places.get(order[i] ?? '')?.release()
    await settle()
  }
  const small = order.filter((name) => name.startsWith('small'))
  assert.deepEqual(small, ['small0', 'small1', 'small2', 'small3', 'small4'])
  assert.ok(order.indexOf('small4') <= 2 + 10)
})

test('work that was interrupted goes first', async () => {
  const { order, ask, places } = recorded(limits({ total: 1 }))
  ask('first', request('r', 'a'))
  ask('new', request('r', 'a'))
  ask('interrupted', request('s', 'a', { priority: 1 }))
  await settle()
  places.get('first')?.release()
  await settle()
  assert.deepEqual(order, ['first', 'interrupted'])
})

test('agent, host and total are bounds of their own (A1)', async () => {
  const { admission, order, ask } = recorded(
    limits({ total: 5, agent: () => 3, host: (host) => (host === 'gpu' ? 2 : 100) }),
  )
  for (let i = 0; i < 4; i++) ask(`x${i}`, request('r', 'x', { host: 'gpu' }))
  for (let i = 0; i < 4; i++) ask(`y${i}`, request('r', 'y', { host: 'cpu' }))
  for (let i = 0; i < 4; i++) ask(`z${i}`, request('r', 'z', { host: 'cpu' }))
  await settle()
  assert.deepEqual(order, ['x0', 'x1', 'y0', 'y1', 'y2'])
  assert.deepEqual(
    [admission.in_flight(), admission.queued(), admission.queuedFor('x'), admission.inFlightOn('gpu')],
    [5, 7, 2, 2],
  )
})

test('an aborted waiter leaves the queue and takes no place (A5)', async () => {
  const { admission, order, ask, places } = recorded(limits({ total: 1 }))
  const stop = new AbortController()
  ask('holds', request('r', 'a'))
  ask('aborted', request('r', 'a', { signal: stop.signal }))
  ask('next', request('r', 'a'))
  stop.abort()
  await settle()
  assert.deepEqual(order, ['holds', 'aborted!cancelled'])
  places.get('holds')?.release()
  places.get('holds')?.release()
  await settle()
  assert.deepEqual([order.at(-1), admission.in_flight(), admission.queued()], ['next', 1, 0])
  const early = await admission.acquire(request('r', 'a', { signal: stop.signal }))
  assert.ok(early !== 'moved' && !early.ok && early.failure.kind === 'cancelled')
})

test('the queue is bounded, and the refusal says when to come back', async () => {
  const { admission, ask } = recorded(limits({ total: 1, queue: 2 }))
  for (const name of ['1', '2', '3']) ask(name, request('r', 'a'))
  const full = await admission.acquire(request('r', 'a'))
  assert.ok(full !== 'moved' && !full.ok)
  assert.equal(full.failure.kind, 'busy')
  assert.ok((full.failure.retry_after_s ?? 0) >= 1)
})

test('waiters of an agent that takes no more work are sent elsewhere', async () => {
  const { order, ask, admission } = recorded(limits({ agent: () => 1 }))
  for (const name of ['a1', 'a2']) ask(name, request('r', 'a'))
  for (const name of ['b1', 'b2']) ask(name, request('r', 'b'))
  admission.dismiss('a')
  await settle()
  assert.deepEqual(order, ['a1', 'b1', 'a2!moved'])
  assert.equal(admission.queued(), 1)
})

test('a raised limit lets in at once who waited', async () => {
  let limit = 1
  const { order, ask, admission } = recorded(limits({ agent: () => limit }))
  for (const name of ['1', '2', '3']) ask(name, request('r', 'a'))
  limit = 2
  admission.admit()
  await settle()
  assert.deepEqual(order, ['1', '2'])
})

test('A1, A2 and A5 hold in any order of asking, releasing and aborting; in the end everybody was served or aborted', async () => {
  const act = fc.record({
    what: fc.constantFrom('ask', 'ask', 'release', 'abort'),
    run: fc.nat(3),
    agent: fc.nat(3),
    which: fc.nat(50),
    urgent: fc.boolean(),
  })
  await fc.assert(
    fc.asyncProperty(fc.array(act, { maxLength: 120 }), fc.integer({ min: 1, max: 6 }), async (acts, total) => {
      const agentLimit = (agent: string) => Number(agent) + 1
      const hostLimit = (host: string) => (host === 'h0' ? 2 : 3)
      const hostOf = (agent: number) => `h${agent % 2}`
      const admission = createAdmission(limits({ total, agent: agentLimit, host: hostLimit }), () => 0)
      const held: { agent: string; host: string; place: Place }[] = []
      const waiting = new Map<number, { agent: string; host: string; stop: AbortController }>()
      const count = (key: 'agent' | 'host', name: string) => held.filter((each) => each[key] === name).length
      let asked = 0
      let ended = 0
      const check = () => {
        assert.equal(admission.in_flight(), held.length)
        assert.equal(admission.queued(), waiting.size)
        assert.ok(held.length <= total)
        for (const each of held) {
          assert.ok(count('agent', each.agent) <= agentLimit(each.agent))
          assert.ok(count('host', each.host) <= hostLimit(each.host))
        }
        for (const each of waiting.values()) {
          const full =
            held.length >= total ||
            count('agent', each.agent) >= agentLimit(each.agent) ||
            count('host', each.host) >= hostLimit(each.host)
          assert.ok(full, 'A2: nobody waits who could go')
        }
      }
      const release = (which: number) => {
        const [one] = held.splice(which % Math.max(1, held.length), 1)
        if (one === undefined) return
        ended++
        one.place.release()
      }
      for (const { what, run, agent, which, urgent } of acts) {
        if (what === 'ask') {
          const number = asked++
          const stop = new AbortController()
          const entry = { agent: String(agent), host: hostOf(agent), stop }
          waiting.set(number, entry)
          void admission
            .acquire(
              request(`r${run}`, entry.agent, { host: entry.host, priority: urgent ? 1 : 0, signal: stop.signal }),
            )
            .then((outcome) => {
              waiting.delete(number)
              if (outcome !== 'moved' && outcome.ok) held.push({ ...entry, place: outcome.value })
              else ended++
            })
        } else if (what === 'release') release(which)
        else [...waiting.values()][which % Math.max(1, waiting.size)]?.stop.abort()
        await settle()
        check()
      }
      while (held.length > 0) {
        release(0)
        await settle()
        check()
      }
      assert.equal(ended, asked)
    }),
    { numRuns: 40 },
  )
})

test('of two runs that could go, the one that holds fewer places of the agent goes (A4)', async () => {
  const { order, ask, places } = recorded(limits({ agent: () => 4 }))
  for (const name of ['big1', 'big2', 'big3', 'big4', 'big5', 'big6']) ask(name, request('big', 'a'))
  for (const name of ['small1', 'small2', 'small3']) ask(name, request('small', 'a'))
  await settle()
  for (const name of ['big1', 'big2', 'big3']) places.get(name)?.release()
  await settle()
  assert.deepEqual(order.slice(4), ['small1', 'small2', 'big5'])
})

test('a run that holds more than its share gives back its youngest call, after the lease, and no more than that (A6)', async () => {
  const { admission, order, ask, places, pass } = recorded(limits({ agent: () => 4 }))
  const recalled: string[] = []
  const held = (name: string, run = 'big'): void => ask(name, request(run, 'a', { recall: () => recalled.push(name) }))
  for (const name of ['big1', 'big2', 'big3', 'big4']) held(name)
  await settle()
  for (const name of ['small1', 'small2', 'small3']) held(name, 'small')
  pass(999)
  admission.recall()
  assert.deepEqual(recalled, [])
  pass(1)
  admission.recall()
  admission.recall()
  assert.deepEqual(recalled, ['big4'], 'one at a time')
  places.get('big4')?.release()
  await settle()
  assert.equal(order.at(-1), 'small1')
  pass(1_000)
  admission.recall()
  assert.deepEqual(recalled, ['big4', 'big3'])
  places.get('big3')?.release()
  await settle()
  pass(5_000)
  admission.recall()
  assert.deepEqual(recalled, ['big4', 'big3'], 'two each is fair')
})

test('the only place of a run, and a call that must not be broken off, are never asked back (A6)', async () => {
  const { admission, ask, pass } = recorded(limits({ agent: (agent) => (agent === 'single' ? 1 : 2) }))
  const recalled: string[] = []
  ask('last', request('one', 'single', { recall: () => recalled.push('last') }))
  ask('waits', request('two', 'single'))
  for (const name of ['sent1', 'sent2']) ask(name, request('one', 'pair'))
  ask('waits too', request('two', 'pair'))
  await settle()
  pass(60_000)
  admission.recall()
  assert.deepEqual(recalled, [])
})

test('whatever comes and goes: with recalls obeyed, every run that waits gets a place within a few leases (A6)', async () => {
  const asks = fc.array(fc.record({ run: fc.constantFrom('r1', 'r2', 'r3'), n: fc.integer({ min: 1, max: 6 }) }), {
    minLength: 1,
    maxLength: 8,
  })
  await fc.assert(
    fc.asyncProperty(asks, fc.integer({ min: 3, max: 5 }), async (all, places_of_agent) => {
      const { admission, order, ask, places, pass } = recorded(limits({ agent: () => places_of_agent }))
      let number = 0
      for (const { run, n } of all)
        for (let i = 0; i < n; i++) {
          const name = `${run}/${number++}`
          ask(name, request(run, 'a', { recall: () => places.get(name)?.release() }))
        }
      await settle()
      for (let round = 0; round < 10; round++) {
        pass(1_000)
        admission.recall()
        await settle()
      }
      for (const { run } of all)
        assert.ok(
          order.some((name) => name.startsWith(`${run}/`)),
          `${run} got no place`,
        )
    }),
    { numRuns: 50 },
  )
})
