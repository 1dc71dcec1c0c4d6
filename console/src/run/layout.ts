/** Asks the worker for the places of stages. It is started with this file, while the run is still on its way. */
import type { Direction, Layout } from './place-stages.ts'
import type { StageGraph } from './stage-graph.ts'

type Asked = { resolve: (layout: Layout) => void; reject: (why: Error) => void }

const asked = new Map<number, Asked>()
const worker = new Worker(new URL('./place-worker.ts', import.meta.url), { type: 'module' })
worker.onmessage = ({ data: { id, layout } }: MessageEvent<{ id: number; layout: Layout }>) => {
  asked.get(id)?.resolve(layout)
  asked.delete(id)
}
worker.onerror = ({ message }) => {
  for (const { reject } of asked.values()) reject(new Error(`the graph could not be laid out: ${message}`))
  asked.clear()
}
let last = 0

export function layoutGraph(
  graph: StageGraph,
  heights: ReadonlyMap<string, number>,
  width: number,
  direction: Direction,
): Promise<Layout> {
  const what = {
    nodes: graph.nodes.map(({ path, parent }) => ({ path, parent, width, height: heights.get(path) ?? 52 })),
    edges: graph.edges.map(({ from, to, label }) => ({ from, to, labelled: label !== null })),
    direction,
  }
  const id = ++last
  return new Promise((resolve, reject) => {
    asked.set(id, { resolve, reject })
    worker.postMessage({ id, what })
  })
}
