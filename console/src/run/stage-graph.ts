/**
 * A definition as a graph to draw: one node for each stage, bodies of loops inside their stage, one edge for each thing
 * that a stage waits for. The rules are those of src/workflow/graph.ts; a test holds the two together.
 */
import type { Stage } from '../../../src/workflow/definition.ts'

export type StageNode = { path: string; parent: string | null; stage: Stage }
export type StageEdge = {
  from: string
  to: string
  kind: 'after' | 'case' | 'otherwise' | 'rescue'
  /** Condition of a case. */
  label: string | null
}
export type StageGraph = { nodes: StageNode[]; edges: StageEdge[] }

export function stageGraph(stages: readonly Stage[], parent: string | null = null): StageGraph {
  const graph: StageGraph = { nodes: [], edges: [] }
  const path = (id: string) => (parent === null ? id : `${parent}.${id}`)
  const here = new Set(stages.map(({ id }) => id))
  const chosen = new Map<string, Omit<StageEdge, 'to'>[]>()
  const choose = (target: string, edge: Omit<StageEdge, 'to'>) => {
    if (here.has(target)) chosen.set(target, [...(chosen.get(target) ?? []), edge])
  }
  for (const stage of stages) {
    const from = path(stage.id)
    if (stage.kind === 'decide') {
      for (const one of stage.cases)
        for (const target of [one.then].flat()) choose(target, { from, kind: 'case', label: one.when })
      for (const target of [stage.otherwise].flat()) choose(target, { from, kind: 'otherwise', label: 'otherwise' })
    }
    const rescue = 'on_failure' in stage && typeof stage.on_failure === 'object' ? stage.on_failure.then : undefined
    if (rescue !== undefined) choose(rescue, { from, kind: 'rescue', label: 'on failure' })
  }
  let row: string[] = []
  for (const stage of stages) {
    const to = path(stage.id)
    graph.nodes.push({ path: to, parent, stage })
    const selectors = chosen.get(stage.id) ?? []
    const waits = stage.needs ?? (selectors.length > 0 ? [] : row)
    const selected = new Set(selectors.map(({ from }) => from))
    for (const edge of selectors) graph.edges.push({ ...edge, to })
    for (const id of new Set(waits)) {
      const from = path(id)
      if (here.has(id) && !selected.has(from)) graph.edges.push({ from, to, kind: 'after', label: null })
    }
    row = selectors.length > 0 ? [...row, stage.id] : [stage.id]
    if (stage.kind === 'loop' || stage.kind === 'for_each') {
      const body = stageGraph(stage.stages, to)
      graph.nodes.push(...body.nodes)
      graph.edges.push(...body.edges)
    }
  }
  return graph
}

/** `improve[3].write` of a run is drawn at `improve.write`. */
export const pathOf = (address: string): string => address.replaceAll(/\[\d+\]/g, '')
