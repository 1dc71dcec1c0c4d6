/** What expressions see: inputs, results of stages in scope, figures of the run. */
import { budgetFigures } from './budget.ts'
import type { Lookup } from './expression.ts'
import { graphOf } from './graph.ts'
import { stagesById } from './places.ts'
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
    if (name === 'coherence' || name === 'agreement') return agreementBefore(place)
    for (let level: Place | null = place; level !== null; level = level.parent) {
      const found = inScope(level.scope, level.stages, name)
      if (found !== undefined) return found
    }
    return ofRun(turn.state, turn.at, name)
  }
}

/** Names as seen at the end of a body or of the run: all its stages. One that never began reads as skipped. */
export function lookupIn(turn: Turn, scope: Scope, stages: Place['stages'], parent: Place | null): Lookup {
  return (name) => {
    if (name === 'coherence' || name === 'agreement') return meanAgreement(Object.values(scope.stages))
    const found = inScope(scope, stages, name)
    if (found !== undefined) return found
    if (stagesById(stages).has(name)) return stageResult({ s: 'skipped', started_at: turn.at }) as Value
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

/** Agreement of the stages that this one needs. */
const agreementBefore = (place: Place): number | null =>
  meanAgreement((graphOf(place.stages).needs.get(place.stage.id) ?? []).map((need) => place.scope.stages[need]))

/** The mean over those stages that have an agreement. */
function meanAgreement(stages: (StageState | undefined)[]): number | null {
  const values = stages.flatMap((stage) =>
    typeof stage?.metrics?.agreement === 'number' ? [stage.metrics.agreement] : [],
  )
  return values.length === 0 ? null : values.reduce((a, b) => a + b, 0) / values.length
}
