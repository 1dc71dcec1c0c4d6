import assert from 'node:assert/strict'
import { test } from 'node:test'
import { failureKinds } from '../failure.ts'
import { detectors } from '../progress/finding.ts'
import { blame, blameOf, type Seen } from './failure-blame.ts'

const speaksAgainst = (seen: Seen | null) => failureKinds.filter((kind) => blameOf(kind, seen).breaker === 'failure')

test('no failure both speaks against an agent and is the limiter’s business', () => {
  for (const kind of failureKinds) if (blame[kind].limiter) assert.equal(blame[kind].breaker, 'nothing', kind)
  assert.deepEqual(
    failureKinds.filter((kind) => blame[kind].limiter),
    ['busy'],
  )
})

test('what is wrong with the task, its answer or the caller does not speak against an agent’s health', () => {
  const notThere = ['not_found', 'unauthenticated', 'unavailable', 'model_missing']
  const broke = ['timeout', 'agent_failed', 'no_progress', 'effect_unknown', 'internal']
  assert.deepEqual(speaksAgainst(null).sort(), [...notThere, ...broke].sort())
  assert.equal(blame.output_invalid.breaker, 'success', 'it answered: it lives')
})

test('of an attempt that was ended it counts what was seen of it, of others their own words', () => {
  const against = ([...detectors, 'at_work'] as const).filter((seen) => speaksAgainst(seen).includes('no_progress'))
  assert.deepEqual(against, ['silence', 'stalled_stream', 'crash_loop'])
  for (const seen of [...detectors, 'at_work'] as const)
    for (const kind of failureKinds) {
      const { breaker, ...rest } = blameOf(kind, seen)
      const { breaker: usual, ...usually } = blame[kind]
      assert.deepEqual(rest, usually)
      if (kind !== 'timeout' && kind !== 'no_progress') assert.equal(breaker, usual, kind)
      else assert.equal(breaker, blameOf('timeout', seen).breaker)
    }
})
