/**
 * Where stages, lines and labels of a graph stand: the layered layout of dagre (Gansner et al. 1993 for the layers,
 * Brandes and Köpf 2001 for the places), one level after the other from the inside out, for an edge never leaves its level.
 */
import { Graph, layout } from '@dagrejs/dagre'

type Point = { x: number; y: number }
export type Direction = 'RIGHT' | 'DOWN'
export type ToPlace = {
  /** Outer stages before those within them. The size is that of a stage without stages in it. */
  nodes: { path: string; parent: string | null; width: number; height: number }[]
  edges: { from: string; to: string; labelled: boolean }[]
  direction: Direction
}
export type Layout = {
  /** By path; a stage inside another one is placed relative to it. */
  nodes: Map<string, Point & { width: number; height: number }>
  /** In the order of the edges: where the line goes around the stages (the `d` of an SVG path), and the middle of its label. */
  edges: { path: string; label: Point | null }[]
}

export const LABEL = { width: 116, height: 20 }
/** Around the stages in a stage; its own head is on top. */
const PADDING = { top: 62, side: 18 }
/** Between layers there is room for lines to change their height, or their column. */
const BETWEEN = { RIGHT: 64, DOWN: 48 }
/** Layers of more stages than this are found by a quicker method, which makes some lines longer than they need be. */
const MANY = 60

export function placeStages({ nodes, edges, direction }: ToPlace): Layout {
  const placed: Layout = { nodes: new Map(), edges: edges.map(() => ({ path: '', label: null })) }
  const inside = Map.groupBy(nodes, ({ parent }) => parent)
  const parents = new Map(nodes.map(({ path, parent }) => [path, parent]))
  const on = Map.groupBy(edges.keys(), (at) => parents.get(edges[at]?.from ?? '') ?? null)
  const lines = new Map<number, Line>()

  const level = (of: string | null): { width: number; height: number } => {
    const graph = new Graph({ multigraph: true })
    const here = inside.get(of) ?? []
    graph.setGraph({
      rankdir: direction === 'RIGHT' ? 'LR' : 'TB',
      nodesep: 22,
      edgesep: 14,
      ranksep: BETWEEN[direction],
      ranker: here.length > MANY ? 'tight-tree' : 'network-simplex',
    })
    for (const { path, width, height } of here) {
      const body = inside.has(path) ? level(path) : null
      graph.setNode(path, {
        width: Math.max(width, (body?.width ?? 0) + 2 * PADDING.side),
        height: body === null ? height : body.height + PADDING.top + PADDING.side,
      })
    }
    for (const at of on.get(of) ?? []) {
      const { from, to, labelled } = edges[at] as ToPlace['edges'][number]
      if (from === to || !graph.hasNode(from) || !graph.hasNode(to)) continue
      graph.setEdge(from, to, { labelpos: 'c', ...(labelled ? LABEL : { width: 0, height: 0 }) }, `${at}`)
    }
    if (here.length === 0) return { width: 0, height: 0 }
    layout(graph)
    const boxes = new Map<string, Box>(here.map(({ path }) => [path, graph.node(path) as Box]))
    inOrder(graph, boxes, direction)
    for (const [path, { x, y, width, height }] of boxes)
      placed.nodes.set(path, { x: x - width / 2, y: y - height / 2, width, height })
    for (const [at, line] of linesOf(graph, boxes, edges, direction)) lines.set(at, line)
    const { width = 0, height = 0 } = graph.graph() as { width?: number; height?: number }
    return { width, height }
  }
  level(null)

  // Lines are drawn over everything, so their places are those on the whole sheet.
  const corners = new Map<string | null, Point>([[null, { x: 0, y: 0 }]])
  for (const { path, parent } of nodes) {
    const [place, outer] = [placed.nodes.get(path), corners.get(parent)]
    if (place === undefined || outer === undefined) continue
    if (parent !== null) {
      place.x += PADDING.side
      place.y += PADDING.top
    }
    corners.set(path, { x: outer.x + place.x, y: outer.y + place.y })
  }
  for (const [at, { points, label }] of lines) {
    const parent = parents.get(edges[at]?.from ?? '') ?? null
    const corner = corners.get(parent) ?? { x: 0, y: 0 }
    const by = parent === null ? corner : { x: corner.x + PADDING.side, y: corner.y + PADDING.top }
    const move = ({ x, y }: Point): Point => ({ x: x + by.x, y: y + by.y })
    placed.edges[at] = { path: drawn(points.map(move), direction), label: label && move(label) }
  }
  return placed
}

/** With its middle. */
type Box = Point & { width: number; height: number }
type Line = { points: Point[]; label: Point | null }

/** Of a layout and its mirror image, which are equally good, that in which more stages stand as they are written. */
function inOrder(graph: Graph, boxes: ReadonlyMap<string, Box>, direction: Direction): void {
  const [along, across, size] = direction === 'RIGHT' ? (['x', 'y', 'height'] as const) : (['y', 'x', 'width'] as const)
  const before = new Map<number, number>()
  let order = 0
  for (const box of boxes.values()) {
    const layer = Math.round(box[along])
    order += Math.sign(box[across] - (before.get(layer) ?? box[across]))
    before.set(layer, box[across])
  }
  if (order >= 0) return
  const whole = (graph.graph() as Box)[size]
  const lines = graph.edges().map((edge) => graph.edge(edge) as Partial<Box> & { points: Point[] })
  for (const place of [...boxes.values(), ...lines, ...lines.flatMap(({ points }) => points)])
    if (place[across] !== undefined) place[across] = whole - place[across]
}

/**
 * A line goes straight through each layer, at the height that the layout kept free for it, and changes its height only
 * between layers, where no stage is. So it meets no stage, however much their sizes differ within a layer.
 */
function linesOf(
  graph: Graph,
  boxes: ReadonlyMap<string, Box>,
  edges: ToPlace['edges'],
  direction: Direction,
): Map<number, Line> {
  const [along, across, size] = direction === 'RIGHT' ? (['x', 'y', 'width'] as const) : (['y', 'x', 'height'] as const)
  const point = (a: number, c: number): Point => ({ [along]: a, [across]: c }) as Point
  /** Half the depth of each layer of stages or labels, by its middle. */
  const layers = new Map<number, number>()
  const widen = (middle: number, half: number) => {
    const key = Math.round(middle)
    layers.set(key, Math.max(layers.get(key) ?? 0, half))
  }
  for (const box of boxes.values()) widen(box[along], box[size] / 2)
  const made = graph
    .edges()
    .map((edge) => ({ at: Number(edge.name), found: graph.edge(edge) as Box & { points: Point[] } }))
  for (const { at, found } of made) if (edges[at]?.labelled) widen(found[along], LABEL[size] / 2)
  return new Map(
    made.map(({ at, found }): [number, Line] => {
      const { from, to, labelled } = edges[at] as ToPlace['edges'][number]
      const [source, target] = [boxes.get(from) as Box, boxes.get(to) as Box]
      // Only in a circle, which the check of the definition refuses, does a line go backwards.
      const sign = target[along] < source[along] ? -1 : 1
      const half = (middle: number) => sign * (layers.get(Math.round(middle)) ?? 0)
      const points = [
        point(source[along] + (sign * source[size]) / 2, source[across]),
        point(source[along] + half(source[along]), source[across]),
      ]
      for (const bend of found.points.slice(1, -1)) {
        if (!layers.has(Math.round(bend[along]))) continue
        for (const a of [-half(bend[along]), half(bend[along])]) points.push(point(bend[along] + a, bend[across]))
      }
      points.push(
        point(target[along] - half(target[along]), target[across]),
        point(target[along] - (sign * target[size]) / 2, target[across]),
      )
      return [at, { points, label: labelled ? { x: found.x, y: found.y } : null }]
    }),
  )
}

/** Straight where the height stays, else a curve that begins and ends in the direction of the graph. */
function drawn([first, ...rest]: Point[], direction: Direction): string {
  if (first === undefined) return ''
  let path = `M${first.x} ${first.y}`
  let before = first
  for (const point of rest) {
    if (point.x === before.x && point.y === before.y) continue
    const middle = { x: (before.x + point.x) / 2, y: (before.y + point.y) / 2 }
    if (direction === 'RIGHT' && before.y !== point.y)
      path += `C${middle.x} ${before.y} ${middle.x} ${point.y} ${point.x} ${point.y}`
    else if (direction === 'DOWN' && before.x !== point.x)
      path += `C${before.x} ${middle.y} ${point.x} ${middle.y} ${point.x} ${point.y}`
    else path += `L${point.x} ${point.y}`
    before = point
  }
  return path
}
