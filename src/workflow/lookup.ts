/** What expressions see: inputs, results of stages in scope, figures of the run. */
import { budgetFigures } from './budget.ts'
import type { Lookup } from './expression.ts'
import { graphOf } from './graph.ts'
import { stagesById } from './places.ts'
import { isAgreement, isUnmeasured, unmeasured } from './run-metrics.ts'
import type { RunState, Scope, StageState } from './run-state.ts'
import type { Place, Turn } from './turn.ts'
import type { Json, Value } from './value.ts'

const statusOf = { running: 'running', done: 'completed', failed: 'failed', skipped: 'skipped' } as const

/** What a condition sees of one stage. Metrics that are null carry their reason beside them. */
export function stageResult(state: StageState): { [key: string]: Value } {
  const metrics = state.metrics
  return {
    status: statusOf[state.s],
    output: state.out ?? null,
    outputs: (state.outs ?? {}) as Json,
    n: metrics?.n ?? null,
    succeeded: metrics?.succeeded ?? null,
    failed: metrics?.failed ?? null,
    agreement: metrics?.agreement ?? null,
    agreement_reason: metrics?.agreement_reason ?? null,
    tokens: metrics?.tokens ?? null,
    duration_ms: metrics?.duration_ms ?? null,
    winner: state.vote?.winner ?? null,
    shares: state.vote?.shares ?? null,
    iteration: state.iteration ?? null,
    decision: state.decision ?? null,
  }
}

/** Names as seen from a stage; the innermost level wins. */
export function lookupFrom(turn: Turn, place: Place): Lookup {
  return (name) => {
    const metric = metricOf(name, () => stagesBefore(place))
    if (metric !== undefined) return metric
    for (let level: Place | null = place; level !== null; level = level.parent) {
      const found = inScope(level.scope, level.stages, name)
      if (found !== undefined) return found
    }
    return ofRun(turn.state, turn.at, name) ?? metricReason(name, () => stagesBefore(place))
  }
}

/** Names as seen at the end of a body or of the run: all its stages. One that never began reads as skipped. */
export function lookupIn(turn: Turn, scope: Scope, stages: Place['stages'], parent: Place | null): Lookup {
  return (name) => {
    const metric = metricOf(name, () => Object.entries(scope.stages))
    if (metric !== undefined) return metric
    const found = inScope(scope, stages, name)
    if (found !== undefined) return found
    if (stagesById(stages).has(name)) return stageResult({ s: 'skipped', started_at: turn.at }) as Value
    const reason = metricReason(name, () => Object.entries(scope.stages))
    if (reason !== undefined) return reason
    return parent === null ? ofRun(turn.state, turn.at, name) : lookupFrom(turn, parent)(name)
  }
}

function inScope(scope: Scope, stages: Place['stages'], name: string): Value | undefined {
  if (name === 'item' || name === 'index' || name === 'iteration') return scope[name] as Value | undefined
  if (!stagesById(stages).has(name)) return undefined
  const state = scope.stages[name]
  return state === undefined ? undefined : (stageResult(state) as Value)
}

function ofRun(state: RunState, at: number, name: string): Value | undefined {
  if (name === 'inputs') return { goal: state.goal, ...state.inputs } as Json
  if (name !== 'run') return undefined
  const { totals } = state
  return {
    elapsed_ms: at - state.started_at,
    tokens: totals.input_tokens + totals.output_tokens,
    calls: totals.calls,
    tasks_done: totals.tasks_done,
    tasks_failed: totals.tasks_failed,
    stages_failed: totals.stages_failed,
    ...budgetFigures(state),
  }
}

export type Stages = [id: string, state: StageState | undefined][]

const stagesBefore = ({ stage, stages, scope }: Place): Stages =>
  (graphOf(stages).needs.get(stage.id) ?? []).map((need) => [need, scope.stages[need]])

/** A metric over some stages; undefined for other names. */
export function metricOf(name: string, stages: () => Stages): number | null | undefined {
  if (isAgreement(name)) return meanAgreement(stages())
  return isUnmeasured(name) ? null : undefined
}

/** Why a metric is null, asked for as `<metric>_reason`. */
export function metricReason(name: string, stages: () => Stages): string | undefined {
  const metric = name.endsWith('_reason') ? name.slice(0, -'_reason'.length) : ''
  return isAgreement(metric) ? noAgreement(stages()) : unmeasured[metric]?.reason
}

/** The mean over those stages that have an agreement. */
function meanAgreement(stages: Stages): number | null {
  const values = stages.flatMap(([, stage]) =>
    typeof stage?.metrics?.agreement === 'number' ? [stage.metrics.agreement] : [],
  )
  return values.length === 0 ? null : values.reduce((a, b) => a + b, 0) / values.length
}

function noAgreement(stages: Stages): string {
  const said = stages.flatMap(([id, stage]) =>
    stage?.metrics?.agreement_reason === undefined ? [] : [`${id}: ${stage.metrics.agreement_reason}`],
  )
  if (said.length > 0) return said.slice(0, 5).join('; ')
  const names = stages.map(([id]) => id).slice(0, 10)
  return names.length === 0 ? 'no stage comes before' : `nothing to compare in ${names.join(', ')}`
}
