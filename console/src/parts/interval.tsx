/** A share with its interval on a scale from 0 to 1, or what is still needed to tell. */
export function Interval({
  of,
}: {
  of: { value: number | null; n: number; interval: [number, number] | null; reason?: string | null; needs?: number }
}) {
  const { value, interval, n, reason, needs } = of
  if (value === null) {
    const why = reason ?? `not enough data: has ${n}`
    return (
      <span className="muted small" title={why}>
        {needs === undefined ? why : `has ${n} of ${needs}`}
      </span>
    )
  }
  const [low, high] = interval ?? [value, value]
  const text = `${percent(value)}, likely between ${percent(low)} and ${percent(high)}, of ${n} results`
  return (
    <span className="row" title={text}>
      <span className="interval grow" aria-hidden="true">
        <i style={{ left: `${low * 100}%`, width: `${(high - low) * 100}%` }} />
        <b style={{ left: `calc(${value * 100}% - 1px)` }} />
      </span>
      <span className="interval-value">
        <span aria-hidden="true">{percent(value)}</span>
        <span className="sr">{text}</span>
      </span>
    </span>
  )
}

const percent = (value: number): string => `${Math.round(value * 100)} %`
