/** The events of a run, all of them, live; the one picked is shown whole. */
import { Link } from '@tanstack/react-router'
import { useVirtualizer } from '@tanstack/react-virtual'
import { type KeyboardEvent, useDeferredValue, useEffect, useMemo, useRef, useState } from 'react'
import type { RunEvent } from '../../../src/workflow/event.ts'
import { Empty } from '../parts/states.tsx'
import { clockTime, count, exactTime } from '../parts/time.tsx'
import { ValueView } from '../parts/value.tsx'
import type { Log } from '../server/queries.ts'
import { eventText } from './event-text.ts'

const ROW = 28

export function EventLog({ run, log, ended }: { run: string; log: Log; ended: boolean }) {
  const [filter, setFilter] = useState('')
  const [picked, setPicked] = useState<number | null>(null)
  const words = useDeferredValue(filter.trim().toLowerCase())
  const events = useMemo(
    () =>
      words === ''
        ? log.events
        : log.events.filter((event) => `${event.type} ${eventText(event)}`.toLowerCase().includes(words)),
    [log, words],
  )
  const scroller = useRef<HTMLDivElement>(null)
  const atEnd = useRef(!ended)
  const virtual = useVirtualizer({
    count: events.length,
    getScrollElement: () => scroller.current,
    estimateSize: () => ROW,
    overscan: 20,
  })
  useEffect(() => {
    if (atEnd.current && events.length > 0) virtual.scrollToIndex(events.length - 1, { align: 'end' })
  }, [events.length, virtual])
  const chosen = picked === null ? undefined : log.events.find(({ seq }) => seq === picked)
  const onKeyDown = (event: KeyboardEvent) => {
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key]
    const at = Number((document.activeElement as HTMLElement | null)?.dataset.row)
    if (step === undefined || Number.isNaN(at)) return
    event.preventDefault()
    const next = Math.max(0, Math.min(events.length - 1, at + step))
    virtual.scrollToIndex(next)
    requestAnimationFrame(() => scroller.current?.querySelector<HTMLElement>(`[data-row="${next}"]`)?.focus())
  }
  return (
    <div className="split">
      <div className="list">
        <div className="filters">
          <input
            type="search"
            className="input search"
            aria-label="Filter events"
            placeholder="Filter events"
            value={filter}
            onChange={(event) => setFilter(event.target.value)}
          />
          <span className="muted small" role="status">
            {count(events.length)} events{log.more ? ' shown; the API has the later ones page by page' : ''}
          </span>
        </div>
        {events.length === 0 && <Empty title="No event fits" />}
        {/* biome-ignore lint/a11y/noStaticElementInteractions: arrow keys move between the buttons of the list */}
        <div
          ref={scroller}
          className="list-body"
          onKeyDown={onKeyDown}
          onScroll={({ currentTarget: { scrollTop, scrollHeight, clientHeight } }) => {
            atEnd.current = scrollHeight - scrollTop - clientHeight < 2 * ROW
          }}
        >
          <ol style={{ height: virtual.getTotalSize(), position: 'relative' }} aria-label="Events">
            {virtual.getVirtualItems().map((item) => {
              const event = events[item.index] as RunEvent
              return (
                <li
                  key={event.seq}
                  className="virtual"
                  style={{ transform: `translateY(${item.start}px)`, height: ROW }}
                >
                  <button
                    type="button"
                    className="event-row"
                    data-row={item.index}
                    aria-pressed={event.seq === picked}
                    onClick={() => setPicked(event.seq === picked ? null : event.seq)}
                  >
                    <span className="muted num">{event.seq}</span>
                    <span className="muted wide">{clockTime(event.at)}</span>
                    <span className={/failed/.test(event.type) ? 'cut mono bad' : 'cut mono'}>{event.type}</span>
                    <span className="cut">{eventText(event)}</span>
                  </button>
                </li>
              )
            })}
          </ol>
        </div>
      </div>
      {chosen && (
        <aside className="detail" aria-label={`Event ${chosen.seq}`}>
          <div className="row spread">
            <h2>
              {chosen.seq} {chosen.type}
            </h2>
            <button type="button" className="button plain" onClick={() => setPicked(null)} aria-label="Close">
              ✕
            </button>
          </div>
          <dl className="facts">
            <dt>At</dt>
            <dd>{exactTime(chosen.at)}</dd>
            <dt>Cause</dt>
            <dd>{chosen.cause === null ? 'from outside the run' : `event ${chosen.cause}`}</dd>
          </dl>
          <div className="row wrap">
            <Link to="/console/runs/$id/fork" params={{ id: run }} search={{ at: chosen.seq }} className="button">
              Fork from here
            </Link>
            <span className="muted small">in a new run; what happened up to this turn is shared</span>
          </div>
          <ValueView value={chosen.data} label="Data of the event" />
        </aside>
      )}
    </div>
  )
}
