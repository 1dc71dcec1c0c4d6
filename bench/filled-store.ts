/**
 * Fills a data folder with runs as they would have been: real definitions fed through the pure core by agents that
 * answer by seeded chance, written through the store. For looking at the console and for measuring what it asks.
 *
 *     node bench/filled-store.ts DATA_DIR [RUNS] [DAYS]      2,000 runs over the last 30 days
 */
import { openStore } from '../src/store/sqlite.ts'
import type { Store } from '../src/store/store.ts'
import { swarmDefinition } from '../src/swarm/swarm-definition.ts'
import type { CallAgent, Step } from '../src/workflow/command.ts'
import type { Definition } from '../src/workflow/definition.ts'
import type { RunEvent, RunInput } from '../src/workflow/event.ts'
import { feedCourse, newCourse } from '../src/workflow/fold.ts'
import { type Dice, diceOf } from '../test/simulation/dice.ts'

const DAY = 86_400_000
const models = { researcher: 'qwen2.5:7b', writer: 'llama3.1:8b', critic: 'qwen2.5:7b', coder: 'qwen2.5-coder:14b' }
export const agents = [...Object.keys(models), 'translator', 'word_counter'] as const
/** Share of failing calls and usual duration in ms. */
const ways: { [agent: string]: [failing: number, ms: number] } = {
  researcher: [0.04, 9_000],
  writer: [0.02, 14_000],
  critic: [0.01, 5_000],
  coder: [0.11, 22_000],
  translator: [0.03, 6_000],
  word_counter: [0, 40],
}
const goals = [
  'Compare three ways to store events and recommend one',
  'Summarise the incident of Tuesday for the on-call channel and list what has to change before the next release',
  'Translate the release notes into German and French',
  'Find out why the nightly import takes four hours',
  'Write a brief on the licence change of our search engine, with quotes',
  'Check the onboarding guide against the product',
]

const task = (id: string, agent: string, more = {}) => ({ id, agent, instructions: `Do the work of ${id}.`, ...more })
const brief: Definition = {
  apiVersion: 'quorate/v1',
  name: 'brief_with_review',
  stages: [
    { id: 'gather', kind: 'tasks', tasks: [task('facts', 'researcher'), task('numbers', 'word_counter')] },
    { id: 'write', kind: 'tasks', tasks: [task('draft', 'writer', { attempts: 3 })], needs: ['gather'] },
    { id: 'review', kind: 'tasks', tasks: [task('style', 'critic'), task('terms', 'translator')], needs: ['write'] },
  ],
}
const fix: Definition = {
  apiVersion: 'quorate/v1',
  name: 'find_and_fix',
  stages: [
    { id: 'look', kind: 'tasks', tasks: [task('read', 'researcher')] },
    {
      id: 'change',
      kind: 'tasks',
      tasks: [task('patch', 'coder', { attempts: 2 })],
      needs: ['look'],
      on_failure: 'fail',
    },
  ],
}

if (import.meta.main) {
  const store = await openStore({ data_dir: process.argv[2] ?? '', namespace: 'default', now: Date.now })
  if (!store.ok) throw new Error(store.failure.message)
  const runs = Number(process.argv[3] ?? 2_000)
  const began = performance.now()
  const written = await fill(store.value, runs, Number(process.argv[4] ?? 30) * DAY)
  await store.value.close()
  process.stdout.write(`${runs} runs, ${written} events, ${((performance.now() - began) / 1_000).toFixed(1)} s\n`)
}

/** `count` runs with all their events over the last `span` ms; answers the number of events. */
export async function fill(to: Store, count: number, span: number): Promise<number> {
  const dice = diceOf(7)
  const now = Date.now()
  const kept = new Map<Definition, string>()
  const keep = async (definition: Definition): Promise<string> => {
    const known = kept.get(definition) ?? (await to.definitions.put(definition, 'ann', 'filled')).hash
    kept.set(definition, known)
    return known
  }
  const swarms = [3, 5, 9].map((size) =>
    swarmDefinition(goals[size % goals.length] ?? '', size, [...agents.slice(0, 4)]),
  )
  let events = 0
  for (let i = 0; i < count; i++) {
    // More by day than by night, and more of late.
    const share = Math.sqrt((i + dice.roll()) / count)
    let at = Math.round(now - span + share * (span - 600_000))
    if (new Date(at).getUTCHours() < 7 && dice.chance(0.8)) at += 8 * 3_600_000
    at = Math.min(at, now - 600_000)
    const swarm = i % 10 === 3
    const definition = swarm ? dice.one(swarms) : i % 3 === 0 ? fix : brief
    events += await oneRun(
      to,
      `run_${at
        .toString(16)
        .padStart(12, '0')
        .replace(/^(.{8})(.{4})$/, '$1-$2')}-7000-8000-${i.toString(16).padStart(12, '0')}`,
      {
        at,
        goal: dice.one(goals),
        hash: await keep(definition),
        definition,
        kind: swarm ? 'swarm' : 'workflow',
        dice,
      },
    )
  }
  return events
}

type Given = { at: number; goal: string; hash: string; definition: Definition; kind: 'workflow' | 'swarm'; dice: Dice }

/** One run from its start to its end. */
export async function oneRun(
  to: Store,
  run: string,
  { at, goal, hash, definition, kind, dice }: Given,
): Promise<number> {
  const course = newCourse(run)
  const log: RunEvent[] = []
  const give = (input: RunInput) => log.push(...feedCourse(() => definition, course, input).events)
  give({ at, type: 'run_started', data: { goal, definition: hash, inputs: {}, by: 'ann' } })
  const first = log.length
  let now = at
  while (course.state.ended_at === undefined) {
    const step = [...course.owed.values()][0]
    if (step === undefined) break
    const answer = answerOf(step, dice, now)
    now = Math.max(now, answer.at)
    give(answer)
  }
  const { state } = course
  const row = {
    goal,
    definition: hash,
    definition_name: definition.name,
    status: state.status === 'new' ? ('queued' as const) : state.status,
    reason: state.reason,
    started_at: at,
    ended_at: state.ended_at ?? null,
    ...state.totals,
  }
  const { input_tokens, output_tokens, unknown_usage, calls } = state.totals
  const sums = { input_tokens, output_tokens, unknown_usage, calls }
  await to.runs.create(
    {
      id: run,
      kind,
      goal,
      definition: hash,
      definition_name: definition.name,
      status: 'running',
      reason: '',
      parent: null,
      created_at: at,
      started_at: at,
      ended_at: null,
      seq: first,
      epoch: 0,
      mail: 0,
      input_tokens: 0,
      output_tokens: 0,
      unknown_usage: 0,
      calls: 0,
    },
    log.slice(0, first),
  )
  const { goal: g, definition: d, definition_name, status, reason, started_at, ended_at } = row
  await to.events.append([
    {
      run,
      epoch: 0,
      events: log.slice(first),
      row: { goal: g, definition: d, definition_name, status, reason, started_at, ended_at, ...sums },
    },
  ])
  return log.length
}

/** What an agent answers to a step, by chance. */
export function answerOf(step: Step, dice: Dice, now: number): RunInput {
  if (step.do === 'collect')
    return {
      at: now + 2,
      type: 'collected',
      data: {
        stage: step.stage,
        output: Object.fromEntries(step.outputs.map((output) => [output.task, output.output as string])),
        metrics: {
          n: step.n,
          succeeded: step.succeeded,
          failed: step.failed,
          agreement: step.outputs.length < 2 ? null : 0.35 + 0.4 * dice.roll(),
          tokens: step.tokens,
          duration_ms: now + 2 - step.started_at,
        },
      },
    }
  if (step.do !== 'call_agent') throw new Error(`nothing here answers ${step.do}`)
  return callAnswer(step, dice, now)
}

function callAnswer(step: CallAgent, dice: Dice, now: number): RunInput {
  const agent = step.agent ?? dice.one(['researcher', 'writer', 'critic', 'coder'])
  const [failing, usual] = ways[agent] ?? [0.05, 8_000]
  const duration_ms = Math.round(usual * Math.exp(0.6 * (dice.roll() + dice.roll() + dice.roll() - 1.5)))
  const model = models[agent as keyof typeof models] ?? null
  const queued_ms = dice.chance(0.2) ? dice.between(200, 4_000) : 0
  const base = { task: step.task, attempt: step.attempt, duration_ms, queued_ms, why: `${agent} is named in the task` }
  const usage =
    model === null
      ? { input_tokens: null, output_tokens: null, calls: 1 }
      : { input_tokens: dice.between(300, 3_000), output_tokens: dice.between(60, 700), calls: 1 }
  if (dice.chance(failing)) {
    const failure = dice.chance(0.6)
      ? {
          kind: 'timeout' as const,
          message: `${agent} did not answer within 5m`,
          remedy: 'give the task more time, or make it smaller',
        }
      : { kind: 'agent_failed' as const, message: 'the model server closed the connection in the middle of the answer' }
    return {
      at: now + 50,
      type: 'task_failed',
      data: { ...base, agent, failure, retryable: true, usage: { ...usage, output_tokens: null } },
    }
  }
  const options = (step.output_schema?.properties as { choice?: { enum?: string[] } } | undefined)?.choice?.enum
  const choice = options === undefined ? null : dice.chance(0.6) ? (options[1] ?? options[0] ?? '') : dice.one(options)
  return {
    at: now + 50 + Math.round(duration_ms / 3),
    type: 'task_finished',
    data: {
      ...base,
      agent,
      model,
      output:
        choice === null
          ? `Keep the log in the store that is there already: one commit for many events, and a reader that follows by number. ${step.task}`
          : { choice, reason: 'It names what is lost if it is wrong, and how to notice.' },
      usage,
      effect_key: `sha256:${step.task}`,
      ...(choice !== null && { ballot: choice }),
    },
  }
}
