/**
 * Which stages can run at all, and which may be skipped: what dead-path elimination will do, as far as it can be
 * proven without running. Only conditions without any name in them are taken for constant.
 */
import { END, type Stage } from '../definition.ts'
import { evaluateCondition, parseExpression } from '../expression.ts'
import type { Level } from './levels.ts'

/** One way through a decision: a case, or `otherwise`. */
export type Outcome = { targets: string[]; ends: boolean; possible: boolean; field: (string | number)[] }

/** The ways through a decision, those that a constant condition rules out marked as impossible. */
export function outcomesOf(stage: Stage & { kind: 'decide' }): Outcome[] {
  let open = true
  const outcome = (targets: string | string[], possible: boolean, field: (string | number)[]): Outcome => {
    const all = [targets].flat()
    return { targets: all.filter((name) => name !== END), ends: all.includes(END), possible, field }
  }
  const outcomes = stage.cases.map((one, i) => {
    const constant = constantOf(one.when)
    const possible = open && constant !== false
    if (constant === true) open = false
    return outcome(one.then, possible, ['cases', i, 'then'])
  })
  return [...outcomes, outcome(stage.otherwise, open, ['otherwise'])]
}

function constantOf(text: string): boolean | null {
  const parsed = parseExpression(text)
  return parsed.ok && parsed.value.roots.length === 0 ? evaluateCondition(text, () => undefined).value : null
}

/**
 * When a stage runs: `always`, or under one of these: decision → ways that lead to it, and when the decision itself
 * runs. An empty list: it may be skipped for a reason that is not followed up.
 */
export type Guard = 'always' | Condition[]
export type Condition = { decision: string; ways: ReadonlySet<number>; under: Guard }

/** More alternatives than this are not followed up. */
const MOST = 16

export type Reach = {
  /** Stages that can never run, and why. */
  dead: Map<string, string>
  guards: Map<string, Guard>
}

export function reachOf(level: Level): Reach {
  const { graph } = level
  const dead = new Map<string, string>()
  const guards = new Map<string, Guard>()
  const outcomes = new Map<string, Outcome[]>()
  const ending = new Set<string>()
  for (const id of graph.order) {
    const stage = graph.stages.get(id) as Stage
    if (stage.kind === 'decide') {
      const ways = outcomesOf(stage)
      outcomes.set(id, ways)
      if (ways.every((way) => way.ends || !way.possible)) ending.add(id)
    }
    const needs = graph.needs.get(id) ?? []
    const reason = deadReason(stage, needs, graph.selectors.get(id), { dead, ending, outcomes, guards })
    if (reason !== null) dead.set(id, reason)
    guards.set(id, guardOf(stage, needs, graph.selectors.get(id), { outcomes, guards }))
  }
  return { dead, guards }
}

type Known = {
  dead: Map<string, string>
  ending: Set<string>
  outcomes: Map<string, Outcome[]>
  guards: Map<string, Guard>
}

const leadsTo = (way: Outcome, id: string): boolean => way.possible && !way.ends && way.targets.includes(id)

function deadReason(stage: Stage, needs: string[], selectors: string[] | undefined, known: Known): string | null {
  if (
    selectors &&
    !selectors.some(
      (by) => !known.dead.has(by) && (known.outcomes.get(by)?.some((way) => leadsTo(way, stage.id)) ?? true),
    )
  )
    return `${selectors.join(', ')} can never choose it: the cases that name it never hold`
  const closed = needs.filter((need) => known.dead.has(need) || known.ending.has(need))
  if (needs.length > 0 && (closed.length === needs.length || (stage.join === 'all' && closed.length > 0))) {
    const first = closed[0] as string
    return known.ending.has(first)
      ? `it comes after ${first}, which always ends there`
      : `it comes after ${first}, which never runs`
  }
  return stage.join === 'all' ? exclusive(needs, known.guards) : null
}

/** Two needs that never run together: branches of one decision that no way takes both of. */
function exclusive(needs: string[], guards: Map<string, Guard>): string | null {
  const seen = new Map<string, { need: string; ways: ReadonlySet<number> }>()
  for (const need of needs) {
    const guard = guards.get(need)
    if (guard === undefined || guard === 'always' || guard.length !== 1) continue
    for (const one of chain(guard[0] as Condition)) {
      const other = seen.get(one.decision)
      if (other && [...other.ways].every((way) => !one.ways.has(way)))
        return `join: all waits for ${other.need} and ${need}, and ${one.decision} never takes both`
      if (!other) seen.set(one.decision, { need, ways: one.ways })
    }
  }
  return null
}

function chain(condition: Condition): Condition[] {
  const all: Condition[] = []
  for (
    let at: Condition | undefined = condition;
    at;
    at = at.under !== 'always' && at.under.length === 1 ? at.under[0] : undefined
  )
    all.push(at)
  return all
}

function guardOf(
  stage: Stage,
  needs: string[],
  selectors: string[] | undefined,
  known: Pick<Known, 'outcomes' | 'guards'>,
): Guard {
  if (selectors) {
    const conditions: Condition[] = []
    for (const by of selectors) {
      const ways = known.outcomes.get(by)
      // Chosen by a failure: nobody knows.
      if (!ways) return []
      const leading = ways.flatMap((way, i) => (leadsTo(way, stage.id) ? [i] : []))
      conditions.push({ decision: by, ways: new Set(leading), under: known.guards.get(by) ?? [] })
    }
    const others = needs.filter((need) => !selectors.includes(need))
    if (stage.join === 'all' && others.some((need) => known.guards.get(need) !== 'always')) return []
    return merged(conditions, known.outcomes)
  }
  if (needs.length === 0) return 'always'
  const of = (need: string): Guard => known.guards.get(need) ?? []
  if (stage.join === 'all') {
    const conditional = needs.filter((need) => of(need) !== 'always')
    return conditional.length === 0 ? 'always' : conditional.length === 1 ? of(conditional[0] as string) : []
  }
  const all: Condition[] = []
  for (const need of needs) {
    const guard = of(need)
    if (guard === 'always') return 'always'
    all.push(...guard)
  }
  return merged(all, known.outcomes)
}

/** Alternatives together: when they cover every way of a decision, only what the decision itself depends on is left. */
function merged(conditions: Condition[], outcomes: Map<string, Outcome[]>): Guard {
  let open = conditions
  for (let round = 0; round < MOST; round++) {
    if (open.length > MOST * 4) return []
    const byDecision = new Map<string, Condition>()
    for (const one of open) {
      const other = byDecision.get(one.decision)
      byDecision.set(one.decision, other ? { ...one, ways: new Set([...other.ways, ...one.ways]) } : one)
    }
    const next: Condition[] = []
    let covered = false
    for (const one of byDecision.values()) {
      const ways = outcomes.get(one.decision) ?? []
      if (!ways.every((way, i) => !way.possible || way.ends || one.ways.has(i))) next.push(one)
      else if (one.under === 'always') return 'always'
      else {
        covered = true
        next.push(...one.under)
      }
    }
    open = next
    if (!covered) return open.length > MOST ? [] : open
  }
  return []
}

/** True when `other` has surely run whenever `stage` runs, as far as the guards tell. */
export function implies(level: Level, guards: Map<string, Guard>, stage: string, other: string): boolean {
  const target = guards.get(other)
  if (target === 'always') return true
  for (let at: string | undefined = stage, steps = 0; at !== undefined && steps < 1_000; steps++) {
    const needs: string[] = level.graph.needs.get(at) ?? []
    const joined = needs.length === 1 || level.graph.stages.get(at)?.join === 'all'
    if (joined && needs.includes(other)) return true
    at = needs.length === 1 ? needs[0] : undefined
  }
  const own = guards.get(stage)
  if (own === undefined || own === 'always' || own.length !== 1 || target === undefined || target.length !== 1)
    return false
  const wanted = target[0] as Condition
  return chain(own[0] as Condition).some(
    (one) => one.decision === wanted.decision && [...one.ways].every((way) => wanted.ways.has(way)),
  )
}
