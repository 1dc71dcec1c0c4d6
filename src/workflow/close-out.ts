/**
 * How a run whose budget is used up ends: nothing new begins, what is in hand is waited for (it is reserved, and child
 * runs close out themselves), then a task of the definition may turn what there is into a result, paid from what was
 * kept back for it. The run ends as `partial`, and never with nothing.
 */
import { isBudgetTimer } from './budget.ts'
import { reserveCall } from './call-budget.ts'
import type { CallAgent } from './command.ts'
import type { EventData } from './event.ts'
import { isOver, KEPT_OUTPUTS, type Scope } from './run-state.ts'
import { scopeOutput } from './scope.ts'
import type { Turn } from './turn.ts'
import type { Value } from './value.ts'

/** Address of the task that closes out. No stage can be called so. */
const TASK = '~close_out/write'
const ATTEMPTS = 2

export const isCloseOut = (task: string): boolean => task === TASK

/** From here on no stage and no task begins. */
export function startCloseOut(turn: Turn, reason: string): void {
  const { state } = turn
  if (isOver(state)) return
  state.closing = { reason, attempt: 0 }
  for (const timer of Object.keys(state.timers)) if (!isBudgetTimer(timer)) turn.dropTimer(timer)
  state.approvals = {}
  if (state.budget !== undefined) state.budget.parked = []
  turn.emit('close_out_started', { reason, in_hand: Object.keys(state.steps).length })
}

/** Asks for the closing task. False when there is none, or nothing is left for it: then the run ends. */
export function askCloseOut(turn: Turn): boolean {
  const { state, definition } = turn
  const { closing } = state
  const task = definition?.budget?.close_out
  if (closing === undefined || task === undefined || closing.output !== undefined || closing.attempt >= ATTEMPTS)
    return false
  closing.attempt++
  const call: CallAgent = {
    do: 'call_agent',
    task: TASK,
    attempt: closing.attempt,
    agent: task.agent ?? null,
    capability: task.capability ?? null,
    fallback: [],
    excluded: [],
    instructions: task.instructions,
    input: { why_it_ends: closing.reason, done_so_far: partialOutput(turn) ?? 'Nothing was finished.' },
    output_schema: null,
    effect: null,
    timeout_ms: null,
    max_output_tokens: task.max_output_tokens ?? null,
    delay_ms: 0,
    goal: state.goal,
  }
  const reserved = reserveCall(turn, null, call, 'close_out')
  if (!reserved.ok) return false
  const { budget } = reserved.call
  turn.emit('task_started', {
    task: TASK,
    attempt: call.attempt,
    agent: call.agent,
    capability: call.capability,
    excluded: [],
    delay_ms: 0,
    ...(budget === undefined ? {} : { reserved: { account: budget.account, ...budget.amounts } }),
  })
  turn.ask(reserved.call)
  return true
}

/** Takes what the closing task said. */
export function closedOut(turn: Turn, output: Value): void {
  if (turn.state.closing !== undefined) turn.state.closing.output = output
}

/** After a failure that will be the same the next time. */
export function giveUpCloseOut(turn: Turn, data: EventData['task_failed']): void {
  if (turn.state.closing !== undefined && !data.retryable) turn.state.closing.attempt = ATTEMPTS
}

/**
 * What a run that closes out ends with: what its closing task wrote, or what its definition declares where that can be
 * had, or the outputs so far. A declared output says what may be given out: then names of stages, never their outputs.
 */
export function closingOutput(turn: Turn, declared: Value): Value {
  const { state, definition } = turn
  if (state.closing?.output !== undefined) return state.closing.output
  if (declared !== null && definition?.output !== undefined) return declared
  const done = Object.entries(state.top.stages).flatMap(([id, stage]) => (stage.s === 'done' ? [id] : []))
  const why = state.closing?.reason ?? ''
  if (definition?.output !== undefined) return { why_it_ends: why, completed_stages: done.slice(-KEPT_OUTPUTS) }
  return partialOutput(turn) ?? { why_it_ends: why, completed_stages: [] }
}

/** The output of the last completed stage, or where one stands half done, all outputs by stage; null = there is none. */
function partialOutput({ state, definition }: Turn): Value {
  if (definition === null) return null
  const parts = partsOf(state.top)
  const half = Object.keys(parts).some((id) => state.top.stages[id]?.s === 'running')
  return half ? parts : scopeOutput(state.top, definition.stages)
}

/** Outputs by stage, of at most {@link KEPT_OUTPUTS} stages of a level, the last ones. */
function partsOf(scope: Scope): { [id: string]: Value } & Value {
  const parts: [string, Value][] = []
  for (const [id, stage] of Object.entries(scope.stages)) {
    if (stage.s === 'done' && stage.out !== undefined && stage.out !== null) parts.push([id, stage.out])
    if (stage.s !== 'running') continue
    const within: [string, Value][] = [
      ...Object.entries(stage.outs ?? {}),
      ...Object.entries(stage.tasks ?? {}).flatMap(([task, { s, out }]): [string, Value][] =>
        s === 'done' && out !== undefined ? [[task, out]] : [],
      ),
      ...Object.entries(stage.items ?? {}).flatMap(([item, body]) => asPart(item, partsOf(body))),
      ...(stage.scope === undefined ? [] : Object.entries(partsOf(stage.scope))),
    ]
    const before = stage.scope?.item
    if (within.length === 0 && before !== undefined && before !== null) parts.push([id, before])
    parts.push(...asPart(id, Object.fromEntries(within.slice(-KEPT_OUTPUTS)) as Value))
  }
  return Object.fromEntries(parts.slice(-KEPT_OUTPUTS)) as { [id: string]: Value } & Value
}

const asPart = (name: string, value: Value): [string, Value][] =>
  typeof value === 'object' && value !== null && Object.keys(value).length > 0 ? [[name, value]] : []
