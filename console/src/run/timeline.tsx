/**
 * Everything over time: tasks with their attempts (backing off, waiting for a place, loading the model, working, failed),
 * and the stages that wait for a person, a signal, time or another run.
 */
import { useQuery } from '@tanstack/react-query'
import { useVirtualizer } from '@tanstack/react-virtual'
import { useMemo, useRef } from 'react'
import { Empty } from '../parts/states.tsx'
import { duration, useNow } from '../parts/time.tsx'
import { hasEnded } from '../runs/run-search.ts'
import { liveQuery, type Run } from '../server/queries.ts'
import { type Bar, barsOf, type Kind, kindNames } from './spent.ts'

const ROW = 28
const legend: Kind[] = ['waits', 'loads', 'works', 'backs-off', 'fails', 'called-off', 'asks']

type Row = {
  id: string
  from: number
  bars: Bar[]
  took: string
  pick: { task: string } | { stage: string }
}

/** Kinds of stage that take time without a task. */
const waiting = new Set(['approval', 'wait', 'timer', 'run'])

export function Timeline({ run, pick }: { run: Run; pick: (what: { task: string } | { stage: string }) => void }) {
  const ended = hasEnded(run.status)
  const live = useQuery({ ...liveQuery(run.id), enabled: !ended })
  const clock = useNow()
  const from = run.started_at ?? run.stages[0]?.started_at ?? 0
  // A run without an end goes on as far as is known; the clock of this machine may differ from the server's.
  const to = Math.max(run.ended_at ?? Math.max(from + (run.cost.duration_ms ?? 0), clock), from + 1)
  const rows = useMemo(
    () =>
      run.stages
        .flatMap((stage): Row[] =>
          waiting.has(stage.kind)
            ? [
                {
                  id: stage.id,
                  from: stage.started_at,
                  bars: [{ kind: 'asks', from: stage.started_at, to: stage.ended_at ?? to }],
                  took: stage.ended_at === null ? stage.kind : duration(stage.ended_at - stage.started_at),
                  pick: { stage: stage.id },
                },
              ]
            : stage.tasks.map((task) => {
                const now = live.data?.calls.find((call) => call.task === task.address)
                const calledOff = task.state === 'cancelled' ? (stage.ended_at ?? to) : null
                return {
                  id: task.address,
                  from: task.started_at,
                  bars: task.attempts.flatMap((attempt) => barsOf(attempt, to, now, calledOff)),
                  took: task.state === 'running' || task.duration_ms === null ? task.state : duration(task.duration_ms),
                  pick: { task: task.address },
                }
              }),
        )
        .sort((a, b) => a.from - b.from),
    [run, live.data, to],
  )
  const scroller = useRef<HTMLDivElement>(null)
  const virtual = useVirtualizer({
    count: rows.length,
    getScrollElement: () => scroller.current,
    estimateSize: () => ROW,
    overscan: 10,
  })
  if (rows.length === 0) return <Empty title="No task has begun" />
  const place = (at: number) => `${((at - from) / (to - from)) * 100}%`
  return (
    <div className="list timeline">
      <div className="filters legend">
        {legend.map((kind) => (
          <span key={kind} className={`key ${kind}`}>
            {kindNames[kind]}
          </span>
        ))}
        <span className="muted small">{duration(to - from)} in all</span>
      </div>
      <div className="time-row time-axis" aria-hidden="true">
        <span />
        <span className="time-track">
          {ticksOf(to - from).map((ms) => (
            <i key={ms} style={{ left: place(from + ms) }}>
              {ms === 0 ? '0' : duration(ms).replace('.0 ', ' ')}
            </i>
          ))}
        </span>
        <span />
      </div>
      <div ref={scroller} className="list-body">
        <ul style={{ height: virtual.getTotalSize(), position: 'relative' }} aria-label="Tasks over time">
          {virtual.getVirtualItems().map((item) => {
            const row = rows[item.index] as Row
            return (
              <li key={row.id} className="virtual" style={{ transform: `translateY(${item.start}px)`, height: ROW }}>
                <button type="button" className="time-row" onClick={() => pick(row.pick)}>
                  <span className="cut" title={row.id}>
                    {row.id}
                  </span>
                  <span className="time-track">
                    {row.bars.map((bar) => (
                      <i
                        key={`${bar.kind}${bar.from}`}
                        className={bar.kind}
                        title={`${kindNames[bar.kind]}, ${duration(bar.to - bar.from)}`}
                        style={{
                          left: place(bar.from),
                          width: `max(2px, ${((bar.to - bar.from) / (to - from)) * 100}%)`,
                        }}
                      />
                    ))}
                  </span>
                  <span className="num muted small">{row.took}</span>
                </button>
              </li>
            )
          })}
        </ul>
      </div>
    </div>
  )
}

const steps = [1, 2, 5, 10, 20, 50, 100, 200, 500, 1e3, 2e3, 5e3, 1e4, 15e3, 3e4, 6e4, 12e4, 3e5, 6e5, 9e5, 18e5, 36e5]

/** Four to eight round points in time. */
function ticksOf(length: number): number[] {
  const day = 24 * 3_600_000
  const step = steps.find((each) => length / each <= 7) ?? Math.ceil(length / 7 / day) * day
  return Array.from({ length: Math.floor((length * 0.96) / step) + 1 }, (_, n) => n * step)
}
