/** Every task over time: waiting for a place, working, and attempts that failed told apart. */
import { useVirtualizer } from '@tanstack/react-virtual'
import { useMemo, useRef } from 'react'
import { Empty } from '../parts/states.tsx'
import { duration } from '../parts/time.tsx'
import type { Run } from '../server/queries.ts'

const ROW = 28
type Task = Run['stages'][number]['tasks'][number]

export function Timeline({ run, pick }: { run: Run; pick: (task: string) => void }) {
  const tasks = useMemo(
    () => run.stages.flatMap((stage) => stage.tasks).sort((a, b) => a.started_at - b.started_at),
    [run],
  )
  const scroller = useRef<HTMLDivElement>(null)
  const virtual = useVirtualizer({
    count: tasks.length,
    getScrollElement: () => scroller.current,
    estimateSize: () => ROW,
    overscan: 10,
  })
  const from = run.started_at ?? tasks[0]?.started_at ?? 0
  const to = Math.max(run.ended_at ?? from + (run.cost.duration_ms ?? 0), from + 1)
  if (tasks.length === 0) return <Empty title="No task has begun" />
  return (
    <div className="list timeline">
      <div className="filters legend">
        <span className="key waits">waiting for a place</span>
        <span className="key works">working</span>
        <span className="key fails">failed attempt</span>
        <span className="muted small">{duration(to - from)} in all</span>
      </div>
      <div ref={scroller} className="list-body">
        <ul style={{ height: virtual.getTotalSize(), position: 'relative' }} aria-label="Tasks over time">
          {virtual.getVirtualItems().map((item) => {
            const task = tasks[item.index] as Task
            return (
              <li
                key={task.address}
                className="virtual"
                style={{ transform: `translateY(${item.start}px)`, height: ROW }}
              >
                <button type="button" className="time-row" onClick={() => pick(task.address)}>
                  <span className="cut">{task.address}</span>
                  <span className="time-track">
                    {barsOf(task, to).map((bar) => (
                      <i
                        key={`${bar.kind}${bar.from}`}
                        className={bar.kind}
                        style={{
                          left: `${((bar.from - from) / (to - from)) * 100}%`,
                          width: `max(2px, ${((bar.to - bar.from) / (to - from)) * 100}%)`,
                        }}
                      />
                    ))}
                  </span>
                  <span className="num muted small">
                    {task.duration_ms === null ? 'running' : duration(task.duration_ms)}
                  </span>
                </button>
              </li>
            )
          })}
        </ul>
      </div>
    </div>
  )
}

function barsOf(task: Task, now: number): { kind: 'waits' | 'works' | 'fails'; from: number; to: number }[] {
  const { attempts, queued_ms } = task
  return attempts.flatMap((attempt, at) => {
    const waited = at === attempts.length - 1 ? (queued_ms ?? 0) : 0
    const start = attempt.started_at + waited
    const end = attempt.duration_ms === null ? Math.max(now, start) : start + attempt.duration_ms
    return [
      ...(waited > 0 ? [{ kind: 'waits' as const, from: attempt.started_at, to: start }] : []),
      { kind: attempt.failure === null ? ('works' as const) : ('fails' as const), from: start, to: end },
    ]
  })
}
