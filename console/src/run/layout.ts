/** Places of the stages: ELK's layered layout, in a worker so that a large graph does not hold up the page. */
import ELK, { type ElkNode } from 'elkjs/lib/elk-api.js'
import worker from 'elkjs/lib/elk-worker.min.js?url'
import type { StageGraph } from './stage-graph.ts'

export type Layout = Map<string, { x: number; y: number; width: number; height: number }>

const elk = new ELK({
  workerFactory: () => new Worker(worker),
})

export async function layoutGraph(
  graph: StageGraph,
  heights: ReadonlyMap<string, number>,
  width: number,
  direction: 'RIGHT' | 'DOWN',
): Promise<Layout> {
  const nodes = new Map<string, ElkNode>(
    graph.nodes.map(({ path }) => [path, { id: path, width, height: heights.get(path) ?? 52 }]),
  )
  const top: ElkNode[] = []
  for (const { path, parent } of graph.nodes) {
    const node = nodes.get(path)
    const outer = parent === null ? undefined : nodes.get(parent)
    if (node === undefined) continue
    if (outer === undefined) top.push(node)
    else {
      outer.children = [...(outer.children ?? []), node]
      outer.layoutOptions = { 'elk.padding': '[top=62,left=18,bottom=18,right=18]' }
    }
  }
  const root: ElkNode = {
    id: '(all)',
    layoutOptions: {
      'elk.algorithm': 'layered',
      'elk.direction': direction,
      'elk.hierarchyHandling': 'INCLUDE_CHILDREN',
      'elk.layered.spacing.nodeNodeBetweenLayers': '36',
      'elk.spacing.nodeNode': '22',
      'elk.layered.considerModelOrder.strategy': 'NODES_AND_EDGES',
    },
    children: top,
    edges: graph.edges.map(({ from, to, label }, at) => ({
      id: `edge-${at}`,
      sources: [from],
      targets: [to],
      ...(label !== null && { labels: [{ text: label, width: 96, height: 20 }] }),
    })),
  }
  const placed: Layout = new Map()
  const take = (list: ElkNode[]) => {
    for (const { id, x = 0, y = 0, width: w = width, height = 52, children = [] } of list) {
      placed.set(id, { x, y, width: w, height })
      take(children)
    }
  }
  take((await elk.layout(root)).children ?? [])
  return placed
}
