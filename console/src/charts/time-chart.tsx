/** A chart over time, with the same figures as a table for those who cannot see or do not want a picture. */
import { type KeyboardEvent, type ReactNode, useEffect, useId, useMemo, useRef, useState } from 'react'
import { Loading } from '../parts/states.tsx'
import { exactTime } from '../parts/time.tsx'
import type { Drawing } from './plot.ts'

type Plot = import('./plot.ts').Plot

export type { Line } from './plot.ts'

export function TimeChart({
  title,
  value,
  note,
  buckets,
  bucket_ms,
  lines,
  kind,
  format,
  most,
  empty,
}: Drawing & {
  title: string
  /** The figure of the whole range. */
  value?: ReactNode
  note?: ReactNode
  /** Why there is nothing to draw. */
  empty: string
}) {
  const [table, setTable] = useState(false)
  const heading = useId()
  const nothing = lines.every((line) => line.values.every((each) => each === null || each === 0))
  return (
    <section className="panel chart" aria-labelledby={heading}>
      <header>
        <span className="row">
          <h2 id={heading}>{title}</h2>
          {value !== undefined && <span className="chart-value">{value}</span>}
        </span>
        {!nothing && (
          <button type="button" className="button plain small" aria-pressed={table} onClick={() => setTable(!table)}>
            {table ? 'Chart' : 'Table'}
          </button>
        )}
      </header>
      {nothing ? (
        <p className="chart-empty muted">{empty}</p>
      ) : table ? (
        <Figures title={title} buckets={buckets} lines={lines} format={format} />
      ) : (
        <Drawn {...{ title, buckets, bucket_ms, lines, kind, format, ...(most !== undefined && { most }) }} />
      )}
      {note !== undefined && <p className="chart-note muted small">{note}</p>}
    </section>
  )
}

function Drawn({ title, buckets, bucket_ms, lines, kind, format, most }: Drawing & { title: string }) {
  const host = useRef<HTMLDivElement>(null)
  const plot = useRef<Plot | null>(null)
  const [at, setAt] = useState<number | null>(null)
  const [ready, setReady] = useState(false)
  const drawing = useMemo(
    (): Drawing => ({ buckets, bucket_ms, lines, kind, format, ...(most !== undefined && { most }) }),
    [buckets, bucket_ms, lines, kind, format, most],
  )
  const given = useRef(drawing)
  given.current = drawing
  useEffect(() => {
    let gone = false
    // The charting library comes with the first chart, not with the first view.
    void import('./plot.ts').then(({ openPlot }) => {
      if (gone || host.current === null) return
      plot.current = openPlot(host.current, given.current, setAt)
      setReady(true)
    })
    return () => {
      gone = true
      plot.current?.close()
      plot.current = null
    }
  }, [])
  useEffect(() => {
    plot.current?.show(drawing)
  }, [drawing])
  const onKeyDown = (event: KeyboardEvent) => {
    const step = { ArrowLeft: -1, ArrowRight: 1 }[event.key]
    if (step === undefined) return
    event.preventDefault()
    const next = Math.max(0, Math.min(buckets.length - 1, (at ?? buckets.length) + step))
    setAt(next)
    plot.current?.point(next)
  }
  const shown = at === null ? null : buckets[at]
  return (
    <>
      <div
        className="chart-host"
        role="img"
        aria-label={`${title}: a chart. Arrow keys read its points; the button Table shows its figures.`}
        tabIndex={0}
        ref={host}
        onKeyDown={onKeyDown}
      >
        {!ready && <Loading lines={4} />}
      </div>
      <div className="chart-legend">
        {lines.map((line, i) =>
          line.band === undefined ? (
            <span key={line.name} className={`chart-key tone-${line.tone}`}>
              {line.name}
              {at !== null && <b>{figure(line.values[at], format)}</b>}
              {at !== null && lines[i + 1]?.band !== undefined && (
                <span>
                  {figure(lines[i + 1]?.values[at], format)} to {figure(lines[i + 2]?.values[at], format)}
                </span>
              )}
            </span>
          ) : null,
        )}
        <span className="chart-at" aria-live="polite">
          {shown === null || shown === undefined ? '' : exactTime(shown)}
        </span>
      </div>
    </>
  )
}

const figure = (value: number | null | undefined, format: (value: number) => string): string =>
  value === null || value === undefined ? 'too few' : format(value)

function Figures({ title, buckets, lines, format }: Pick<Drawing, 'buckets' | 'lines' | 'format'> & { title: string }) {
  const rows = buckets
    .map((bucket, i) => ({ bucket, i }))
    .filter(({ i }) => lines.some((line) => line.values[i] !== null && line.values[i] !== 0))
    .reverse()
  return (
    <section className="chart-table" tabIndex={0} aria-label={`${title} as figures`}>
      <table className="table">
        <thead>
          <tr>
            <th>From</th>
            {lines.map((line) => (
              <th key={line.name} className="num">
                {line.name}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {rows.map(({ bucket, i }) => (
            <tr key={bucket}>
              <td>{exactTime(bucket)}</td>
              {lines.map((line) => (
                <td key={line.name} className="num">
                  {figure(line.values[i], format)}
                </td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </section>
  )
}
