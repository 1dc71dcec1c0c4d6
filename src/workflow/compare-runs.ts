/**
 * Two runs side by side: what they were given, what each stage did and cost, which decisions went another way and on
 * which figures, and where they part for the first time. Bounded in size, whatever the runs.
 */
import { excerpt } from '../failure.ts'
import { canonicalJson } from './content-hash.ts'
import type { Definition } from './definition.ts'
import { type DefinitionChange, diffDefinitions } from './definition-diff.ts'
import type { Metrics } from './event.ts'
import type { DecisionView, RunView, StageView } from './run-view-shape.ts'
import type { Json, Value } from './value.ts'

/** Most changes, stages, decisions and inputs that a comparison lists, and characters of a value that it shows. */
export const comparisonLimits = { changes: 200, stages: 500, decisions: 200, inputs: 100, shown: 300 } as const

export type ComparedRun = { view: RunView; definition: Definition | null }

export type StageSide = {
  state: StageView['state']
  reason: string
  metrics: Metrics | null
  agents: string[]
  /** Null where a task's agent system does not report them. */
  tokens: number | null
  duration_ms: number | null
  failed: number
}
export type ComparedStage = {
  stage: string
  kind: string
  same: boolean
  output_same: boolean
  a: StageSide | null
  b: StageSide | null
}
export type DecisionSide = Pick<DecisionView, 'seq' | 'taken' | 'then' | 'when' | 'inputs' | 'reason'>
export type ComparedDecision = {
  stage: string
  kind: DecisionView['kind']
  a: DecisionSide | null
  b: DecisionSide | null
}

/** The first thing, in the order of run `a`, in which they differ. */
export type Parting = {
  what: 'definition' | 'inputs' | 'stage' | 'decision' | 'result'
  stage: string | null
  detail: string
}

export type Comparison = {
  /** Same inputs, stages with the same outcome and output, decisions and result; time and cost may differ. */
  same: boolean
  parts_at: Parting | null
  definition: { same: boolean; a: string | null; b: string | null; changes: DefinitionChange[] }
  inputs: { name: string; same: boolean; a: string | null; b: string | null }[]
  stages: ComparedStage[]
  /** Only those that were taken differently. */
  decisions: ComparedDecision[]
  status: { a: string; b: string }
  result: { same: boolean; a: string; b: string }
  cost: { a: RunView['cost']; b: RunView['cost'] }
  /** What there is more of than is listed here. */
  left_out: { changes: number; stages: number; decisions: number; inputs: number }
}

export function compareRuns(a: ComparedRun, b: ComparedRun): Comparison {
  const changes = a.definition === null || b.definition === null ? [] : diffDefinitions(a.definition, b.definition)
  const inputs = compareInputs(a.view, b.view)
  const stages = compareStages(a.view, b.view)
  const decisions = compareDecisions(a.view, b.view)
  const result = { same: equal(a.view.result, b.view.result), a: shown(a.view.result), b: shown(b.view.result) }
  const definition = {
    same: a.view.definition?.hash === b.view.definition?.hash,
    a: a.view.definition?.hash ?? null,
    b: b.view.definition?.hash ?? null,
  }
  const parts_at = partingOf(definition.same, inputs, stages, decisions, result, a.view.state === b.view.state)
  return {
    same: parts_at === null || parts_at.what === 'definition',
    parts_at,
    definition: { ...definition, changes: changes.slice(0, comparisonLimits.changes).map(shortened) },
    inputs: inputs.slice(0, comparisonLimits.inputs),
    stages: stages.slice(0, comparisonLimits.stages),
    decisions: decisions.slice(0, comparisonLimits.decisions),
    status: { a: a.view.state, b: b.view.state },
    result,
    cost: { a: a.view.cost, b: b.view.cost },
    left_out: {
      changes: Math.max(0, changes.length - comparisonLimits.changes),
      stages: Math.max(0, stages.length - comparisonLimits.stages) + mostLeftOut(a.view, b.view, 'stages'),
      decisions: Math.max(0, decisions.length - comparisonLimits.decisions),
      inputs: Math.max(0, inputs.length - comparisonLimits.inputs),
    },
  }
}

/** Of a huge run the oldest stages and decisions are not in the view: that one side lacks something then says nothing. */
const onlyOutOfSight = (one: unknown, two: unknown, left_out: number): boolean =>
  (one === undefined || two === undefined) && left_out > 0
const mostLeftOut = (a: RunView, b: RunView, what: 'stages' | 'decisions'): number =>
  Math.max(a.left_out?.[what] ?? 0, b.left_out?.[what] ?? 0)

const equal = (a: Value, b: Value): boolean => canonicalJson(a) === canonicalJson(b)
const shown = (value: Value): string => excerpt(value, comparisonLimits.shown)

/** A changed value may be a whole stage: here it is only named, the definitions themselves have it. */
const shortened = (change: DefinitionChange): DefinitionChange => ({
  ...change,
  old: short(change.old),
  new: short(change.new),
})
const short = (value: Json): Json => (canonicalJson(value).length <= comparisonLimits.shown ? value : shown(value))

function compareInputs(a: RunView, b: RunView): Comparison['inputs'] {
  const given = (view: RunView): { [name: string]: Value } => ({
    ...(view.goal === null ? {} : { goal: view.goal }),
    ...view.inputs,
  })
  const [left, right] = [given(a), given(b)]
  return union(Object.keys(left), Object.keys(right)).map((name) => {
    const [one, two] = [left[name], right[name]]
    return {
      name,
      same: one !== undefined && two !== undefined && equal(one, two),
      a: one === undefined ? null : shown(one),
      b: two === undefined ? null : shown(two),
    }
  })
}

function compareStages(a: RunView, b: RunView): ComparedStage[] {
  const left = new Map(a.stages.map((stage) => [stage.id, stage]))
  const right = new Map(b.stages.map((stage) => [stage.id, stage]))
  return union([...left.keys()], [...right.keys()]).flatMap((id) => {
    const [one, two] = [left.get(id), right.get(id)]
    if (onlyOutOfSight(one, two, mostLeftOut(a, b, 'stages'))) return []
    const output_same = one !== undefined && two !== undefined && equal(one.output, two.output)
    return {
      stage: id,
      kind: (one ?? two)?.kind ?? '',
      same: output_same && one.state === two.state && one.kind === two.kind,
      output_same,
      a: one === undefined ? null : side(one),
      b: two === undefined ? null : side(two),
    }
  })
}

function side({ state, reason, metrics, tasks, started_at, ended_at }: StageView): StageSide {
  let tokens: number | null = 0
  for (const task of tasks)
    tokens =
      tokens === null || task.input_tokens === null || task.output_tokens === null
        ? null
        : tokens + task.input_tokens + task.output_tokens
  return {
    state,
    reason: excerpt(reason, comparisonLimits.shown),
    metrics,
    agents: [...new Set(tasks.flatMap(({ agent }) => agent ?? []))].sort(),
    tokens,
    duration_ms: ended_at === null ? null : ended_at - started_at,
    failed: tasks.filter((task) => task.state === 'failed').length,
  }
}

function compareDecisions(a: RunView, b: RunView): ComparedDecision[] {
  const left = byPlace(a.decisions)
  const right = byPlace(b.decisions)
  return union([...left.keys()], [...right.keys()]).flatMap((key): ComparedDecision[] => {
    const [one, two] = [left.get(key), right.get(key)]
    if (onlyOutOfSight(one, two, mostLeftOut(a, b, 'decisions'))) return []
    if (one !== undefined && two !== undefined && one.taken === two.taken && equal(one.then, two.then)) return []
    const { stage, kind } = (one ?? two) as DecisionView
    return [
      { stage, kind, a: one === undefined ? null : decisionSide(one), b: two === undefined ? null : decisionSide(two) },
    ]
  })
}

/** What decides again and again under one address is matched by its iteration, or the first with the first. */
function byPlace(decisions: readonly DecisionView[]): Map<string, DecisionView> {
  const times = new Map<string, number>()
  return new Map(
    decisions.map((decision) => {
      const place = `${decision.kind} ${decision.stage}`
      const n = (times.get(place) ?? 0) + 1
      times.set(place, n)
      return [`${place} ${decision.kind === 'loop' ? String(decision.inputs['iteration']) : n}`, decision]
    }),
  )
}

const decisionSide = ({ seq, taken, then, when, inputs, reason }: DecisionView): DecisionSide => ({
  seq,
  taken,
  then,
  when,
  inputs: Object.fromEntries(Object.entries(inputs).map(([name, value]) => [name, short(value)])),
  reason: excerpt(reason, comparisonLimits.shown),
})

/** In the order of the first, then what only the second has. */
const union = (a: readonly string[], b: readonly string[]): string[] => [...new Set([...a, ...b])]

function partingOf(
  definitions: boolean,
  inputs: Comparison['inputs'],
  stages: readonly ComparedStage[],
  decisions: readonly ComparedDecision[],
  result: Comparison['result'],
  status: boolean,
): Parting | null {
  const input = inputs.find((each) => !each.same)
  if (input !== undefined)
    return { what: 'inputs', stage: null, detail: `input ${input.name}: ${input.a ?? 'none'} and ${input.b ?? 'none'}` }
  for (const { stage, same, output_same, a, b } of stages) {
    const decision = decisions.find((each) => each.stage === stage)
    if (decision !== undefined)
      return { what: 'decision', stage, detail: `${takenOf(decision.a)} and ${takenOf(decision.b)}` }
    if (same) continue
    if (a === null || b === null)
      return { what: 'stage', stage, detail: a === null ? 'only the second run has it' : 'only the first run has it' }
    return {
      what: 'stage',
      stage,
      detail:
        a.state !== b.state ? `${a.state} and ${b.state}` : output_same ? 'another kind of stage' : 'another output',
    }
  }
  const [decision] = decisions
  if (decision !== undefined)
    return {
      what: 'decision',
      stage: decision.stage || null,
      detail: `${takenOf(decision.a)} and ${takenOf(decision.b)}`,
    }
  if (!result.same || !status)
    return { what: 'result', stage: null, detail: result.same ? 'they did not end alike' : 'another result' }
  return definitions
    ? null
    : { what: 'definition', stage: null, detail: 'another definition, which made no difference' }
}

const takenOf = (decision: DecisionSide | null): string =>
  decision === null
    ? 'no decision'
    : `${decision.taken}${decision.then.length > 0 ? ` (${decision.then.join(', ')})` : ''}`
