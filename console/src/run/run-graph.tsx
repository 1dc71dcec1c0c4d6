/** The stages of a definition as a graph; with a run, what each of them does now. Laid out by ELK in a worker. */
import {
  BaseEdge,
  Controls,
  EdgeLabelRenderer,
  type EdgeProps,
  type Edge as FlowEdge,
  type Node as FlowNode,
  getBezierPath,
  Handle,
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
import { type Layout, layoutGraph } from './layout.ts'
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
type LineData = { edge: StageEdge; state: 'open' | 'taken' | 'not-taken' }
type Line = FlowEdge<LineData, 'line'>

const MOST_TASKS = 7
const READABLE = 0.72
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
  const { fitView, getZoom, setCenter } = useReactFlow()
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
      const place = layout.get(node.path)
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
    return graph.edges.map((edge) => {
      const target = edge.to.split('.').at(-1) ?? ''
      const decision = edge.kind === 'case' || edge.kind === 'otherwise' ? last.get(edge.from) : undefined
      const done = latest.get(edge.from)?.view.state
      const begun = latest.get(edge.to)?.view.state
      const state =
        decision !== undefined
          ? decision.then.includes(target) && begun !== 'skipped'
            ? 'taken'
            : 'not-taken'
          : begun === 'skipped'
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
        data: { edge, state },
      }
    })
  }, [graph, latest, run])
  useEffect(() => {
    if (layout === null) return
    const place = layout.get(pathOf(focus.current?.split('/')[0] ?? ''))
    requestAnimationFrame(async () => {
      await fitView({ padding: 0.06, maxZoom: 1, minZoom: 0.3 })
      // What is looked at must be readable, even if not everything is seen then.
      if (place !== undefined && getZoom() < READABLE)
        await setCenter(place.x + place.width / 2, place.y + place.height / 2, { zoom: READABLE })
    })
  }, [layout, fitView, getZoom, setCenter])
  if (error) return <Fault error={error} />
  if (layout === null) return <Loading />
  return (
    <ReactFlow
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
    >
      <Controls showInteractive={false} position="bottom-left" />
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
  const [path, x, y] = getBezierPath(props)
  const { edge, state } = props.data ?? { edge: null, state: 'open' }
  return (
    <>
      <BaseEdge id={props.id} path={path} className={`line ${state}`} />
      {edge?.label != null && (
        <EdgeLabelRenderer>
          <span
            className={`line-label ${state}`}
            style={{ transform: `translate(-50%, -50%) translate(${x}px, ${y}px)` }}
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
