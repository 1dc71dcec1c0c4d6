/**
 * The graph of one list of stages: what each stage waits for, and what chooses it.
 *
 * Invariants:
 * 1. A stage waits for what it lists in `needs`; without `needs`, for the stage before it in the list. When that one is
 *    a branch (2), it waits for the whole unbroken row of branches and for the stage before the row: whichever branch
 *    is taken, what follows the branches in the list follows them in time.
 * 2. A stage that a decision names in `then` or `otherwise`, or a stage in `on_failure: { then: … }`, waits for it,
 *    whether it lists it or not. Without `needs` it waits only for what chooses it, not for the stage before it: the
 *    branches of a decision stand in the list one after the other and must not wait for each other.
 * 3. `order` holds every stage once; each after all that it waits for, as long as there is no cycle. Stages on a cycle,
 *    and those after one, are left out of `order` and listed in `cyclic`.
 */
import type { Stage } from './definition.ts'
import { END } from './definition.ts'

export type Graph = {
  /** What each stage waits for, without doubles, in the order written; names of unknown stages are left out. */
  needs: Map<string, string[]>
  /** The reverse of `needs`. */
  dependents: Map<string, string[]>
  /** Stages in an order in which they can be settled; ties in the order of the list. */
  order: string[]
  /**
   * Stage → what chooses it: decisions that name it in `then` or `otherwise`, and stages that go to it when they fail.
   * A stage with selectors that none of them picked is skipped.
   */
  selectors: Map<string, string[]>
  /** Stages that can never be settled, because they wait for themselves. Empty in a checked definition. */
  cyclic: string[]
  stages: Map<string, Stage>
}

const known = new WeakMap<readonly Stage[], Graph>()

/** The graph of a list of stages; O(stages + needs + targets), computed once for each list (by identity). */
export function graphOf(stages: readonly Stage[]): Graph {
  let graph = known.get(stages)
  if (graph === undefined) {
    graph = build(stages)
    known.set(stages, graph)
  }
  return graph
}

/** Stages that a decision may choose, `end` left out. */
export function targetsOf(stage: Stage): string[] {
  if (stage.kind !== 'decide') return []
  const named = [...stage.cases.flatMap((one) => one.then), ...[stage.otherwise].flat()]
  return [...new Set(named)].filter((name) => name !== END)
}

/** The stage that answers the failure of this one, if it names one. */
export function rescueOf(stage: Stage): string | undefined {
  const answer = 'on_failure' in stage ? stage.on_failure : undefined
  return typeof answer === 'object' && answer.then !== END ? answer.then : undefined
}

function build(stages: readonly Stage[]): Graph {
  const byId = new Map<string, Stage>()
  for (const stage of stages) if (!byId.has(stage.id)) byId.set(stage.id, stage)
  const selectors = new Map<string, string[]>()
  for (const stage of byId.values()) {
    for (const target of targetsOf(stage)) if (byId.has(target)) append(selectors, target, stage.id)
    const rescue = rescueOf(stage)
    if (rescue !== undefined && byId.has(rescue)) append(selectors, rescue, stage.id)
  }
  const needs = new Map<string, string[]>()
  const dependents = new Map<string, string[]>()
  /** The nearest stage that is no branch, and the branches that stand behind it. */
  let row: string[] = []
  for (const { id, needs: written } of byId.values()) {
    const chosenBy = selectors.get(id) ?? []
    const waits = written ?? (chosenBy.length > 0 ? [] : row)
    const all = [...new Set([...waits, ...chosenBy])].filter((name) => byId.has(name))
    needs.set(id, all)
    for (const name of all) append(dependents, name, id)
    row = chosenBy.length > 0 ? [...row, id] : [id]
  }
  const order = sorted(byId, needs, dependents)
  const placed = new Set(order)
  const cyclic = [...byId.keys()].filter((id) => !placed.has(id))
  return { needs, dependents, order, selectors, cyclic, stages: byId }
}

/** Kahn, Topological sorting of large networks (CACM 1962), taking what is ready in the order of the list. */
function sorted(byId: Map<string, Stage>, needs: Map<string, string[]>, dependents: Map<string, string[]>): string[] {
  const open = new Map<string, number>()
  const order: string[] = []
  for (const id of byId.keys()) {
    const count = needs.get(id)?.length ?? 0
    open.set(id, count)
    if (count === 0) order.push(id)
  }
  for (let at = 0; at < order.length; at++) {
    for (const id of dependents.get(order[at] as string) ?? []) {
      const left = (open.get(id) ?? 0) - 1
      open.set(id, left)
      if (left === 0) order.push(id)
    }
  }
  return order
}

function append(map: Map<string, string[]>, key: string, value: string): void {
  const list = map.get(key)
  if (list) list.push(value)
  else map.set(key, [value])
}
