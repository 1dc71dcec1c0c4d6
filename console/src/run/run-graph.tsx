/** The stages of a definition as a graph; with a run, what each of them does now. Laid out in a worker. */
import {
  BaseEdge,
  Controls,
  EdgeLabelRenderer,
  type EdgeProps,
  type Edge as FlowEdge,
  type Node as FlowNode,
  getViewportForBounds,
  Handle,
  MiniMap,
  type NodeProps,
  Position,
  ReactFlow,
  ReactFlowProvider,
  useReactFlow,
} from '@xyflow/react'
import '@xyflow/react/dist/base.css'
import { useEffect, useMemo, useRef, useState } from 'react'
import type { Definition, Stage } from '../../../src/workflow/definition.ts'
import { Fault, Loading } from '../parts/states.tsx'
import { StatusIcon, toneOf } from '../parts/status.tsx'
import type { Run } from '../server/queries.ts'
import { layoutGraph } from './layout.ts'
import type { Layout } from './place-stages.ts'
import { StageFinder } from './stage-finder.tsx'
import { pathOf, type StageEdge, type StageNode, stageGraph } from './stage-graph.ts'

type StageView = Run['stages'][number]
type Picked = { stage: string } | { task: string }
type CardData = {
  node: StageNode
  view: StageView | undefined
  times: number
  group: boolean
  down: boolean
  pick?: (what: Picked) => void
}
type Card = FlowNode<CardData, 'stage'>
type LineData = { edge: StageEdge; state: 'open' | 'taken' | 'not-taken'; line: Layout['edges'][number] }
type Line = FlowEdge<LineData, 'line'>

const MOST_TASKS = 7
const READABLE = 0.72
/** Below this nothing of a whole graph can be read: then a part of it is shown, and a small map. */
const LEGIBLE = 0.5
const MANY = 24
/** Room beside a graph that is shown in part. */
const EDGE = 24
/** States of stages that one wants to see first. */
const attention = new Set(['running', 'failed'])
const WIDTH = 208

/** Tasks to draw: those of the run once they are there (voters exist only then), else those written. */
const tasksOf = (stage: Stage, view: StageView | undefined) =>
  view !== undefined && view.tasks.length > 0
    ? view.tasks.map((task) => ({ id: task.id, who: task.agent ?? task.capability ?? '', task }))
    : stage.kind === 'tasks'
      ? stage.tasks.map((task) => ({ id: task.id, who: task.agent ?? task.capability ?? '', task: undefined }))
      : []

const detailOf = (stage: Stage): string => {
  if (stage.kind === 'decide') return `${stage.cases.length + 1} ways`
  if (stage.kind === 'vote') return `${stage.options.length} options`
  if (stage.kind === 'timer') return stage.for
  if (stage.kind === 'wait') return `for ${stage.signal}`
  if (stage.kind === 'approval') return `${stage.default}s after ${stage.timeout}`
  if (stage.kind === 'run') return stage.definition
  if (stage.kind === 'loop') return `at most ${stage.max}`
  if (stage.kind === 'for_each') return `${stage.items.slice(0, 40)}`
  return `${stage.tasks.length} ${stage.tasks.length === 1 ? 'task' : 'tasks'}`
}

const heightOf = (stage: Stage, view: StageView | undefined): number => {
  const tasks = tasksOf(stage, view).length
  return 52 + Math.min(tasks, MOST_TASKS) * 23 + (tasks > MOST_TASKS ? 21 : 0) + (tasks > 0 ? 6 : 0)
}

export function RunGraph(props: {
  definition: Definition
  run?: Run
  selected?: string | undefined
  pick?: (what: Picked) => void
}) {
  return (
    <ReactFlowProvider>
      <Graph {...props} />
    </ReactFlowProvider>
  )
}

function Graph({
  definition,
  run,
  selected,
  pick,
}: {
  definition: Definition
  run?: Run
  selected?: string | undefined
  pick?: (what: Picked) => void
}) {
  const { fitView, getZoom, setCenter, setViewport } = useReactFlow()
  const host = useRef<HTMLDivElement>(null)
  const focus = useRef(selected)
  // Beside an editor and on a phone there is more height than width.
  const down = run === undefined || window.innerWidth < 760
  const graph = useMemo(() => stageGraph(definition.stages), [definition])
  const latest = useMemo(() => {
    const found = new Map<string, { view: StageView; times: number }>()
    for (const view of run?.stages ?? []) {
      const path = pathOf(view.id)
      found.set(path, { view, times: (found.get(path)?.times ?? 0) + 1 })
    }
    return found
  }, [run])
  const sizes = useMemo(
    () => new Map(graph.nodes.map(({ path, stage }) => [path, heightOf(stage, latest.get(path)?.view)])),
    [graph, latest],
  )
  const shape = JSON.stringify([...sizes])
  const [layout, setLayout] = useState<Layout | null>(null)
  const [error, setError] = useState<unknown>(null)
  useEffect(() => {
    let current = true
    layoutGraph(graph, sizes, WIDTH, down ? 'DOWN' : 'RIGHT').then(
      (found) => current && setLayout(found),
      (why: unknown) => current && setError(why),
    )
    return () => {
      current = false
    }
  }, [graph, shape, down])
  const nodes = useMemo((): Card[] => {
    if (layout === null) return []
    return graph.nodes.flatMap((node): Card[] => {
      const place = layout.nodes.get(node.path)
      if (place === undefined) return []
      const found = latest.get(node.path)
      return [
        {
          id: node.path,
          type: 'stage',
          position: { x: place.x, y: place.y },
          width: place.width,
          height: place.height,
          ...(node.parent !== null && { parentId: node.parent }),
          draggable: false,
          connectable: false,
          selectable: false,
          focusable: false,
          selected: selected !== undefined && pathOf(selected.split('/')[0] ?? '') === node.path,
          data: {
            node,
            view: found?.view,
            times: found?.times ?? 0,
            group: 'stages' in node.stage,
            down,
            ...(pick && { pick }),
          },
        },
      ]
    })
  }, [graph, layout, latest, selected, pick, down])
  const edges = useMemo((): Line[] => {
    const last = new Map((run?.decisions ?? []).map((decision) => [pathOf(decision.stage), decision]))
    if (layout === null) return []
    return graph.edges.map((edge, at) => {
      const target = edge.to.split('.').at(-1) ?? ''
      const decision = edge.kind === 'case' || edge.kind === 'otherwise' ? last.get(edge.from) : undefined
      const done = latest.get(edge.from)?.view.state
      const begun = latest.get(edge.to)?.view.state
      const state =
        decision !== undefined
          ? (edge.kind === 'otherwise' ? decision.taken === 'otherwise' : decision.when === edge.label) &&
            decision.then.includes(target) &&
            begun !== 'skipped'
            ? 'taken'
            : 'not-taken'
          : begun === 'skipped' || done === 'skipped'
            ? 'not-taken'
            : done !== undefined && done !== 'running' && begun !== undefined
              ? 'taken'
              : 'open'
      return {
        id: `${edge.from} ${edge.to} ${edge.kind} ${edge.label}`,
        source: edge.from,
        target: edge.to,
        type: 'line',
        focusable: false,
        data: { edge, state, line: layout.edges[at] ?? { path: '', label: null } },
      }
    })
  }, [graph, layout, latest, run])
  const lookAt = (path: string, found: Layout, zoom = Math.max(READABLE, Math.min(1, getZoom()))) => {
    // Places of stages within others are relative to those.
    const parts = path.split('.')
    let [x, y] = [0, 0]
    let size = { width: 0, height: 0 }
    for (let depth = 1; depth <= parts.length; depth++) {
      const place = found.nodes.get(parts.slice(0, depth).join('.'))
      if (place === undefined) return
      x += place.x
      y += place.y
      size = place
    }
    const height = Math.min(size.height, 400)
    void setCenter(x + size.width / 2, y + height / 2, { zoom })
  }
  const moving = useRef<string | null>(null)
  moving.current = graph.nodes.find(({ path }) => attention.has(latest.get(path)?.view.state ?? ''))?.path ?? null
  useEffect(() => {
    if (layout === null) return
    requestAnimationFrame(async () => {
      const tops = graph.nodes.flatMap((node) => (node.parent === null ? (layout.nodes.get(node.path) ?? []) : []))
      const room = host.current?.getBoundingClientRect() ?? { width: 0, height: 0 }
      const [width, height] = [
        Math.max(...tops.map((place) => place.x + place.width)),
        Math.max(...tops.map((place) => place.y + place.height)),
      ]
      // Reckoned, not tried: a large graph that is shown whole for a moment is drawn whole for that moment.
      const fitting = { padding: 0.06, maxZoom: 1, minZoom: 0.3 }
      const bounds = { x: 0, y: 0, width, height }
      const { zoom } = getViewportForBounds(bounds, room.width, room.height, fitting.minZoom, 1, fitting.padding)
      // What is looked at must be readable, even if not everything is seen then.
      const wanted = focus.current === undefined ? null : pathOf(focus.current.split('/')[0] ?? '')
      const path = zoom >= READABLE ? null : (wanted ?? (zoom < LEGIBLE ? moving.current : null))
      if (path !== null) return lookAt(path, layout, READABLE)
      if (zoom >= LEGIBLE) return void fitView(fitting)
      // The beginning of a graph that is too long, in the middle of the other direction as far as it fits.
      const middle = (size: number, length: number) => Math.max(EDGE, (length - size * READABLE) / 2)
      await setViewport({
        x: down ? middle(width, room.width) : EDGE,
        y: down ? EDGE : middle(height, room.height),
        zoom: READABLE,
      })
    })
  }, [layout, graph, down, fitView, getZoom, setViewport])
  if (error) return <Fault error={error} />
  if (layout === null) return <Loading />
  return (
    <ReactFlow
      ref={host}
      nodes={nodes}
      edges={edges}
      nodeTypes={nodeTypes}
      edgeTypes={edgeTypes}
      minZoom={0.08}
      maxZoom={1.6}
      onlyRenderVisibleElements={nodes.length > 150}
      nodesDraggable={false}
      nodesConnectable={false}
      nodesFocusable={false}
      edgesFocusable={false}
      elementsSelectable={false}
      zoomOnScroll={false}
      panOnScroll
      proOptions={{ hideAttribution: true }}
      onFocus={({ target }) => {
        // React Flow undoes scrolling, so what the keyboard comes to is brought into view here.
        const path = target.closest('.react-flow__node')?.getAttribute('data-id')
        const room = host.current?.getBoundingClientRect()
        if (path == null || room === undefined || !target.matches(':focus-visible')) return
        const box = target.getBoundingClientRect()
        const inside =
          box.left >= room.left && box.right <= room.right && box.top >= room.top && box.bottom <= room.bottom
        if (!inside) lookAt(path, layout)
      }}
    >
      <Controls showInteractive={false} position="bottom-left" />
      {nodes.length > MANY && (
        <>
          <MiniMap
            pannable
            zoomable
            position="bottom-right"
            ariaLabel="All stages, small"
            nodeClassName={({ data }) => `small-stage ${toneOf((data as CardData).view?.state ?? '')}`}
          />
          <StageFinder
            stages={graph.nodes.map(({ path, stage }) => ({ path, title: stage.title ?? stage.id }))}
            onFind={(path) => {
              lookAt(path, layout)
              pick?.({ stage: latest.get(path)?.view.id ?? path })
            }}
          />
        </>
      )}
    </ReactFlow>
  )
}

function StageCard({ data, selected }: NodeProps<Card>) {
  const { node, view, times, group, down, pick } = data
  const { stage } = node
  const waits = stage.kind === 'approval' || stage.kind === 'wait' || stage.kind === 'timer'
  const state = view === undefined ? 'not yet' : view.state === 'running' && waits ? 'waiting' : view.state
  const tasks = group ? [] : tasksOf(stage, view)
  const name = stage.title ?? stage.id
  const note = view?.iteration != null ? `iteration ${view.iteration}` : times > 1 ? `${times} times` : detailOf(stage)
  return (
    <div className={`stage ${view ? toneOf(state) : 'future'} ${group ? 'group' : ''} ${selected ? 'picked' : ''}`}>
      <Handle type="target" position={down ? Position.Top : Position.Left} isConnectable={false} />
      <button
        type="button"
        className="stage-head nodrag"
        onClick={() => pick?.({ stage: view?.id ?? node.path })}
        disabled={pick === undefined}
      >
        <span className="row">
          <StatusIcon state={state} />
          <span className="sr">Stage </span>
          <strong className="cut">{name}</strong>
        </span>
        <span className="muted small cut block">
          {stage.kind} · {note}
          <span className="sr">, {state}</span>
        </span>
      </button>
      {tasks.slice(0, MOST_TASKS).map(({ id, who, task }) => (
        <button
          key={id}
          type="button"
          className={`stage-task nodrag ${task ? toneOf(task.state) : 'future'}`}
          disabled={task === undefined || pick === undefined}
          onClick={() => task && pick?.({ task: task.address })}
        >
          <StatusIcon state={task?.state ?? 'not yet'} />
          <span className="sr">Task </span>
          <span className="cut grow">{id}</span>
          <span className="cut muted small">{who}</span>
          <span className="sr">, {task?.state ?? 'not yet'}</span>
        </button>
      ))}
      {tasks.length > MOST_TASKS && (
        <span className="muted small stage-more">and {tasks.length - MOST_TASKS} more</span>
      )}
      <Handle type="source" position={down ? Position.Bottom : Position.Right} isConnectable={false} />
    </div>
  )
}

function LineView(props: EdgeProps<Line>) {
  if (props.data === undefined) return null
  const { edge, state, line } = props.data
  return (
    <>
      <BaseEdge id={props.id} path={line.path} className={`line ${state}`} />
      {edge.label !== null && line.label && (
        <EdgeLabelRenderer>
          <span
            className={`line-label ${state}`}
            style={{ transform: `translate(-50%, -50%) translate(${line.label.x}px, ${line.label.y}px)` }}
            title={edge.label}
          >
            {state === 'taken' && <StatusIcon state="completed" />}
            <span className="cut">{edge.label}</span>
            {state === 'not-taken' && <span className="sr"> (not taken)</span>}
          </span>
        </EdgeLabelRenderer>
      )}
    </>
  )
}

const nodeTypes = { stage: StageCard }
const edgeTypes = { line: LineView }
