import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { Failure } from '../failure.ts'
import type { Detector, Finding } from '../progress/finding.ts'
import type { CallAgent } from './command.ts'
import type { Definition, Stage, Task } from './definition.ts'
import type { Could, EventData, EventType, RunEvent, RunInput } from './event.ts'
import { type Course, feedCourse, newCourse } from './fold.ts'
import { runView } from './run-view.ts'

type Ends = { fail: Partial<Failure>; finding?: Finding; could?: Could; agent?: string; retryable?: boolean } | 'done'

const finding = (detector: Detector): Finding => ({
  detector,
  message: 'the same call was made 4 times in a row, with the same result: lookup(port)',
  evidence: { times: 4 },
  models: ['host/small'],
})
const usage = { input_tokens: 1, output_tokens: 2, calls: 1 }
const both: Could = { other_model: 'host/large', other_agent: true }

/** One task; its attempts end as told, in order, then as the last one. */
function play(ends: Ends[], task: Partial<Task> = {}, stage: object = {}) {
  const whole = { id: 't', capability: 'any', instructions: 'work', ...task }
  const definition = {
    apiVersion: 'quorate/v1',
    name: 'test',
    stages: [{ id: 's', kind: 'tasks', tasks: [whole], ...stage }] as unknown as Stage[],
  } as Definition
  const course: Course = newCourse('run_test')
  const events: RunEvent[] = []
  const calls: CallAgent[] = []
  let at = 1_000
  const give = (input: RunInput): void => void events.push(...feedCourse(() => definition, course, input).events)
  const go = (): void => {
    for (;;) {
      const step = [...course.owed.values()].find((each) => each.do === 'call_agent' && each.task === 's/t')
      if (step?.do !== 'call_agent') return
      at += 10
      const end = ends[Math.min(calls.length, ends.length - 1)] ?? 'done'
      calls.push(step)
      const own = { task: step.task, attempt: step.attempt, usage, duration_ms: 1, queued_ms: 0, why: '' }
      const agent = end === 'done' ? (step.agent ?? 'a') : (end.agent ?? step.agent ?? 'a')
      if (end === 'done')
        give({ at, type: 'task_finished', data: { ...own, agent, model: null, output: 'ok', effect_key: 'k' } })
      else {
        const failure = { kind: 'no_progress' as const, message: 'ended', ...end.fail }
        const more = {
          ...(end.finding === undefined ? {} : { finding: end.finding }),
          ...(end.could === undefined ? {} : { could: end.could }),
        }
        give({ at, type: 'task_failed', data: { ...own, agent, failure, retryable: end.retryable ?? true, ...more } })
      }
    }
  }
  const of = <T extends EventType>(type: T) =>
    events.flatMap((event) => (event.type === type ? [event.data as EventData[T]] : []))
  give({ at, type: 'run_started', data: { goal: 'g', definition: 'sha256:x', inputs: {}, by: 'test' } })
  go()
  return { course, events, calls, give, go, of, definition }
}

const tried = ({ of }: ReturnType<typeof play>) => of('remedy_tried').map(({ remedy }) => remedy)
const looping = (could: Could = both, agent?: string): Ends => ({
  fail: { message: 'a was ended: it goes in circles' },
  finding: finding('same_call'),
  could,
  ...(agent === undefined ? {} : { agent }),
})

describe('the ladder', () => {
  test('goes in order: tell, another model, another agents, then a person, each recorded with its outcome', () => {
    const run = play([looping()])
    assert.deepEqual(tried(run), ['tell', 'other_model', 'other_agent', 'other_agent', 'ask_person'])
    const [first, told, model, agent] = run.calls
    assert.equal(first?.notice, undefined)
    assert.match(told?.notice ?? '', /the same call was made 4 times .* ended again/)
    assert.deepEqual([told?.agent, told?.excluded, told?.model], ['a', [], undefined])
    assert.deepEqual([model?.agent, model?.model], ['a', 'host/large'])
    assert.deepEqual([agent?.only_others, agent?.model, agent?.excluded], [true, undefined, ['a']])
    assert.deepEqual(
      run.of('remedy_ended').map(({ remedy, healed }) => [remedy, healed]),
      [
        ['tell', false],
        ['other_model', false],
        ['other_agent', false],
        ['other_agent', false],
      ],
    )
    assert.equal(run.course.state.status, 'waiting')
  })

  test('ends as healed when an attempt succeeds; nothing is recorded where nothing went wrong', () => {
    const run = play([looping(), 'done'])
    assert.deepEqual(run.of('remedy_ended'), [{ task: 's/t', remedy: 'tell', healed: true, reason: '' }])
    assert.equal(run.course.state.status, 'completed')
    assert.deepEqual(tried(play(['done'])), [])
    const plain = play([{ fail: { kind: 'unavailable' } }, 'done'])
    assert.deepEqual(tried(plain), [])
    assert.equal(plain.calls.length, 2)
  })

  test('what is not to be had is left out', () => {
    const none: Could = { other_model: null, other_agent: false }
    assert.deepEqual(tried(play([looping(none)])), ['tell', 'ask_person'])
  })

  test('what hangs is begun anew, not told anything', () => {
    const run = play([{ fail: {}, finding: finding('silence'), could: both }])
    assert.deepEqual(tried(run).slice(0, 3), ['restart', 'other_model', 'other_agent'])
    assert.equal(run.calls[1]?.notice, undefined)
  })

  test('declared attempts are not exceeded', () => {
    assert.equal(play([looping()], { attempts: 1 }).calls.length, 1)
    assert.equal(play([looping()], { attempts: 2 }).calls.length, 2)
  })

  test('a model that is missing is replaced, though a repetition would not help', () => {
    const run = play([{ fail: { kind: 'model_missing' }, could: both, retryable: false }, 'done'])
    assert.deepEqual(tried(run), ['other_model'])
    assert.equal(run.course.state.status, 'completed')
    const alone = play([{ fail: { kind: 'model_missing' }, retryable: false }])
    assert.deepEqual([alone.calls.length, alone.course.state.status], [1, 'failed'])
  })

  test('the same failure again is answered with another model, not with a third blind try', () => {
    const same: Ends = { fail: { kind: 'agent_failed', message: 'exited with 1' }, could: both }
    const run = play([same, same, 'done'])
    assert.deepEqual(tried(run), ['other_model'])
    assert.equal(run.of('remedy_tried')[0]?.cause, 'repeated_failure')
  })

  test('a task at which several agents fail alike is not tried for ever', () => {
    const die = (agent: string): Ends => ({ fail: { kind: 'agent_failed', message: `${agent} exited with 1` }, agent })
    const run = play([die('a'), die('b'), die('c')], { attempts: 10 })
    assert.equal(run.calls.length, 3)
    assert.equal(run.course.state.status, 'failed')
    const again = play([die('a'), die('a'), die('a')], { attempts: 10 })
    assert.equal(again.calls.length, 3)
  })

  test('is divided before a person is asked, where it may be', () => {
    const run = play([looping({ other_model: null, other_agent: false })], { decompose: true })
    assert.deepEqual(tried(run), ['tell', 'smaller_task'])
    assert.equal(run.of('decomposition_requested').length, 1)
  })

  test('is set aside where the stage can do without it', () => {
    const run = play([looping({ other_model: null, other_agent: false })], {}, { on_failure: 'continue' })
    assert.deepEqual(tried(run), ['tell', 'set_aside'])
    assert.equal(run.of('remedy_tried')[1]?.facts, finding('same_call').message)
    assert.equal(run.course.state.status, 'partial')
  })
})

describe('a person', () => {
  const stuck = (task: Partial<Task> = {}) => {
    const run = play([looping({ other_model: null, other_agent: false })], task)
    const [asked] = run.of('approval_requested')
    assert.ok(asked !== undefined)
    return { ...run, asked }
  }

  test('is asked with everything needed, within a time, and may say no', () => {
    const run = stuck()
    assert.equal(run.asked.task, 's/t')
    assert.equal(run.asked.default, 'refuse')
    assert.deepEqual(run.asked.show, {
      task: 's/t',
      instructions: 'work',
      found: finding('same_call').message,
      attempts: 2,
      agents: ['a'],
      tried: ['tell'],
    })
    const data = { approval: run.asked.approval, decision: 'refuse' as const, comment: 'leave it', by: 'me' }
    run.give({ at: 9_000, type: 'approval_given', data })
    assert.equal(run.course.state.status, 'failed')
    assert.match(run.course.state.reason, /leave it \(me\)/)
  })

  test('says yes: it is tried once more, and told the comment', () => {
    const run = stuck()
    const before = run.calls.length
    const data = {
      approval: run.asked.approval,
      decision: 'approve' as const,
      comment: 'The port is in .env',
      by: 'me',
    }
    run.give({ at: 9_000, type: 'approval_given', data })
    run.go()
    assert.equal(run.calls.length, before + 1)
    assert.match(run.calls.at(-1)?.notice ?? '', /A person says about this task: The port is in \.env/)
    assert.deepEqual(run.course.state.approvals, {})
    assert.equal(run.course.state.status, 'failed', 'asked once only')
  })

  test('does not answer: it fails when the time is over', () => {
    const run = stuck({ when_stuck: { ask: '10m' } })
    assert.equal(run.asked.due, 600_000 + (run.events.at(-1)?.at ?? 0))
    run.give({ at: run.asked.due, type: 'timer_fired', data: { timer: 's/t/stuck' } })
    assert.equal(run.course.state.status, 'failed')
    assert.deepEqual(run.course.state.timers, {})
  })

  test('is not asked where the definition says so, and about plain failures only where it does', () => {
    const fails: Ends = { fail: { kind: 'agent_failed', message: 'no' }, retryable: false }
    assert.equal(play([looping()], { when_stuck: 'fail' }).course.state.status, 'failed')
    assert.equal(play([fails]).course.state.status, 'failed')
    const asked = play([fails], { when_stuck: { ask: '1h' } })
    assert.deepEqual(tried(asked), ['ask_person'])
    assert.equal(asked.course.state.status, 'waiting')
  })

  test('the view of the run shows finding, remedies and the question', () => {
    const run = stuck()
    const view = runView(run.events)
    const [task] = view.stages[0]?.tasks ?? []
    assert.equal(task?.state, 'asking')
    assert.equal(task?.attempts[0]?.finding?.detector, 'same_call')
    assert.deepEqual(
      task?.remedies?.map(({ remedy, healed }) => [remedy, healed]),
      [
        ['tell', false],
        ['ask_person', null],
      ],
    )
    assert.equal(view.approvals[0]?.task, 's/t')
  })
})
