import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { type Candidate, chooseAgent, ranked } from './choose-agent.ts'
import { noRecord, withResult } from './track-record.ts'

const shown = (successes: number, failures: number) =>
  [...Array(successes).fill(true), ...Array(failures).fill(false)].reduce(withResult, noRecord)
const candidate = (name: string, more: Partial<Candidate> = {}): Candidate => ({
  name,
  capabilities: ['writing'],
  closed: null,
  opens_in_s: null,
  record: noRecord,
  load: 0,
  concurrency: 4,
  harmless: true,
  ...more,
})
const writing = { agent: null, capability: 'writing', fallback: [], excluded: [] }
const named = (agent: string, more: object = {}) => ({ agent, capability: null, fallback: [], excluded: [], ...more })

test('the named agent is taken, whatever its record', () => {
  const choice = chooseAgent(named('Poor'), [
    candidate('good', { record: shown(10, 0) }),
    candidate('poor', { record: shown(0, 10) }),
  ])
  assert.deepEqual(choice, { agent: 'poor', why: 'poor: named by the task' })
})

test('when the named agent is closed, the fall-back list is taken in its order, and the reason says why', () => {
  const all = [
    candidate('a', { closed: 'draining' }),
    candidate('b', { closed: 'offline: gone' }),
    candidate('c'),
    candidate('d', { record: shown(9, 0) }),
  ]
  const choice = chooseAgent(named('a', { fallback: ['b', 'c', 'd'] }), all)
  assert.equal(choice.agent, 'c')
  assert.match(choice.why, /next in the task's fall-back list; not a: draining/)
})

test('without a fall-back, an agent stands in that can do all that the named one can', () => {
  const all = [
    candidate('a', { capabilities: ['writing', 'editing'], closed: 'retired' }),
    candidate('b', { record: shown(20, 0) }),
    candidate('c', { capabilities: ['editing', 'writing', 'research'] }),
  ]
  assert.equal(chooseAgent(named('a'), all).agent, 'c')
  assert.equal(chooseAgent(named('a'), all.slice(0, 2)).agent, null)
})

test('by capability: the best proven one per load, and the reason lists all with their state', () => {
  const all = [
    candidate('busy', { record: shown(19, 1), load: 4 }),
    candidate('good', { record: shown(17, 3) }),
    candidate('new'),
    candidate('open', { record: shown(20, 0), closed: 'breaker open for 9 s', opens_in_s: 9 }),
    candidate('other', { capabilities: ['research'], record: shown(20, 0) }),
  ]
  const choice = chooseAgent(writing, all)
  assert.equal(choice.agent, 'good')
  assert.match(choice.why, /best proven per load of 4 with writing/)
  for (const each of ['busy 0.', 'good 0.', 'new 0.', 'open breaker open for 9 s', '4/4', '0/4'])
    assert.ok(choice.why.includes(each), `${each} in ${choice.why}`)
  assert.ok(!choice.why.includes('other'))
})

test('a gate is never outweighed: the worst open candidate is taken before the best closed one', () => {
  fc.assert(
    fc.property(fc.nat(20), fc.nat(20), (successes, failures) => {
      const all = [
        candidate('best', { record: shown(50, 0), closed: 'offline: no answer' }),
        candidate('worst', { record: shown(successes, failures), load: 4_000 }),
      ]
      assert.equal(chooseAgent(writing, all).agent, 'worst')
    }),
  )
})

test('an agent that failed the task is used again only when there is no other', () => {
  const all = [candidate('a', { record: shown(20, 0) }), candidate('b')]
  assert.equal(chooseAgent({ ...writing, excluded: ['a'] }, all).agent, 'b')
  const again = chooseAgent({ ...writing, excluded: ['a', 'b'] }, all)
  assert.equal(again.agent, 'a')
  assert.match(again.why, /failed this task before, and no other agent can take it/)
  assert.equal(chooseAgent(named('a', { excluded: ['A'] }), all).agent, 'b')
  assert.equal(chooseAgent(named('a', { excluded: ['a'] }), all.slice(0, 1)).agent, 'a')
})

test('ties are broken by name, whatever the order of the candidates', () => {
  fc.assert(
    fc.property(fc.shuffledSubarray(['a', 'b', 'c', 'd'], { minLength: 1 }), (names) => {
      assert.equal(
        chooseAgent(
          writing,
          names.map((name) => candidate(name)),
        ).agent,
        [...names].sort()[0],
      )
    }),
  )
})

test('a task that says neither agent nor capability gets one without effects outside', () => {
  const anybody = { agent: null, capability: null, fallback: [], excluded: [] }
  const deploy = candidate('deploy', { harmless: false, record: shown(50, 0) })
  assert.equal(chooseAgent(anybody, [deploy, candidate('talker')]).agent, 'talker')
  assert.equal(chooseAgent(anybody, [deploy]).agent, 'deploy')
})

test('nobody: what is unknown is not_found, what is closed is unavailable with a time', () => {
  const failure = (choice: ReturnType<typeof chooseAgent>) =>
    choice.agent === null ? choice.failure : assert.fail(choice.agent)
  assert.deepEqual(
    [
      failure(chooseAgent(named('nobody'), [candidate('a')])).kind,
      failure(chooseAgent(named('nobody'), [candidate('a')])).remedy,
    ],
    ['not_found', 'one of: a'],
  )
  assert.equal(failure(chooseAgent({ ...writing, capability: 'flying' }, [candidate('a')])).field, 'capability')
  assert.equal(failure(chooseAgent(writing, [])).kind, 'not_found')
  assert.equal(failure(chooseAgent({ ...writing, capability: null }, [])).message, 'there is no agent')
  const closed = failure(
    chooseAgent(writing, [
      candidate('a', { closed: 'breaker open for 9 s', opens_in_s: 8.2 }),
      candidate('b', { closed: 'retired' }),
    ]),
  )
  assert.deepEqual([closed.kind, closed.retry_after_s], ['unavailable', 9])
  assert.match(closed.message, /a breaker open for 9 s, b retired/)
  assert.equal(failure(chooseAgent(writing, [candidate('a', { closed: 'offline: x' })])).retry_after_s, 15)
})

test('the reason stays short with a thousand candidates', () => {
  const all = Array.from({ length: 1_000 }, (_, i) => candidate(`agent_${i}`))
  const choice = chooseAgent(writing, all)
  assert.match(choice.why, /992 more/)
  assert.ok(choice.why.length < 500)
})

test('ranked lists who takes work, best first', () => {
  const all = [
    candidate('new'),
    candidate('good', { record: shown(10, 0) }),
    candidate('gone', { closed: 'retired' }),
    candidate('b', { capabilities: [] }),
  ]
  assert.deepEqual(
    ranked('writing', all).map((each) => each.name),
    ['good', 'new'],
  )
  assert.deepEqual(
    ranked(null, all).map((each) => each.name),
    ['good', 'b', 'new'],
  )
})

test('only others: an agent that failed this task is not taken again, also when no other can take it', () => {
  const all = [candidate('a'), candidate('b', { closed: 'draining' })]
  assert.equal(chooseAgent({ ...writing, excluded: ['a'] }, all).agent, 'a')
  const choice = chooseAgent({ ...writing, excluded: ['a'], only_others: true }, all)
  assert.equal(choice.agent, null)
  assert.equal(chooseAgent({ ...writing, excluded: ['a'], only_others: true }, [...all, candidate('c')]).agent, 'c')
})
