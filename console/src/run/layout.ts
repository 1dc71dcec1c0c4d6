/** Places of the stages: ELK's layered layout, in a worker so that a large graph does not hold up the page. */
import ELK, { type ElkExtendedEdge, type ElkNode, type ElkPoint } from 'elkjs/lib/elk-api.js'
import worker from 'elkjs/lib/elk-worker.min.js?url'
import type { StageGraph } from './stage-graph.ts'

export type Layout = {
  /** By path; a stage inside another one is placed relative to it. */
  nodes: Map<string, { x: number; y: number; width: number; height: number }>
  /** In the order of the graph's edges: where the line goes around the stages, and where its label has room. */
  edges: { points: ElkPoint[]; label: ElkPoint | null }[]
}

const elk = new ELK({
  workerFactory: () => new Worker(worker),
})
/** From so many stages on a layout is asked for that is quick rather than the best. */
const MANY = 100
const LABEL = { width: 116, height: 20 }

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
      // Of 200 stages these two were half of a layout's time, which every change of the graph's shape costs again.
      ...(graph.nodes.some(({ parent }) => parent !== null) && { 'elk.hierarchyHandling': 'INCLUDE_CHILDREN' }),
      ...(graph.nodes.length > MANY && { 'elk.layered.thoroughness': '1' }),
      'elk.json.edgeCoords': 'ROOT',
      'elk.layered.spacing.nodeNodeBetweenLayers': '36',
      'elk.spacing.nodeNode': '22',
      'elk.spacing.edgeNode': '14',
      'elk.layered.considerModelOrder.strategy': 'NODES_AND_EDGES',
    },
    children: top,
    edges: graph.edges.map(({ from, to, label }, at) => ({
      id: `edge-${at}`,
      sources: [from],
      targets: [to],
      ...(label !== null && { labels: [{ text: label, ...LABEL }] }),
    })),
  }
  const placed = await elk.layout(root)
  const layout: Layout = { nodes: new Map(), edges: [] }
  const take = (list: ElkNode[]) => {
    for (const { id, x = 0, y = 0, width: w = width, height = 52, children = [] } of list) {
      layout.nodes.set(id, { x, y, width: w, height })
      take(children)
    }
  }
  take(placed.children ?? [])
  const lines = new Map((placed.edges ?? []).map((edge: ElkExtendedEdge) => [edge.id, edge]))
  layout.edges = graph.edges.map((_, at) => {
    const line = lines.get(`edge-${at}`)
    const label = line?.labels?.[0]
    return {
      points: (line?.sections ?? []).flatMap((one) => [one.startPoint, ...(one.bendPoints ?? []), one.endPoint]),
      label:
        label?.x === undefined || label.y === undefined
          ? null
          : { x: label.x + LABEL.width / 2, y: label.y + LABEL.height / 2 },
    }
  })
  return layout
}

const BEND = 7

/** A line through the points with rounded bends, as the `d` of an SVG path. */
export function roundedPath(points: readonly ElkPoint[]): string {
  const [first, ...rest] = points
  if (first === undefined) return ''
  let path = `M${first.x} ${first.y}`
  let before = first
  rest.forEach((point, at) => {
    const next = rest[at + 1]
    if (next === undefined) path += `L${point.x} ${point.y}`
    else {
      const [a, b] = [towards(point, before), towards(point, next)]
      path += `L${a.x} ${a.y}Q${point.x} ${point.y} ${b.x} ${b.y}`
    }
    before = point
  })
  return path
}

function towards(from: ElkPoint, to: ElkPoint): ElkPoint {
  const length = Math.hypot(to.x - from.x, to.y - from.y)
  const share = length === 0 ? 0 : Math.min(BEND, length / 2) / length
  return { x: from.x + (to.x - from.x) * share, y: from.y + (to.y - from.y) * share }
}
