/** Points in time and durations, in the person's own zone and language; those that pass are redrawn once a second. */
import { useSyncExternalStore } from 'react'

const tickers = new Set<() => void>()
let now = Date.now()
window.setInterval(() => {
  if (document.visibilityState === 'hidden') return
  now = Date.now()
  for (const tick of tickers) tick()
}, 1_000)

export const useNow = (): number =>
  useSyncExternalStore(
    (tick) => {
      tickers.add(tick)
      return () => tickers.delete(tick)
    },
    () => now,
  )

const exact = new Intl.DateTimeFormat(undefined, { dateStyle: 'medium', timeStyle: 'medium' })
const clock = new Intl.DateTimeFormat(undefined, { timeStyle: 'medium' })
const relative = new Intl.RelativeTimeFormat(undefined, { numeric: 'auto', style: 'narrow' })
const numbers = new Intl.NumberFormat()
const compact = new Intl.NumberFormat(undefined, { notation: 'compact', maximumFractionDigits: 1 })

export const count = (value: number): string => (value < 10_000 ? numbers.format(value) : compact.format(value))
export const clockTime = (at: number): string => clock.format(at)
export const exactTime = (at: number): string => exact.format(at)

function ago(at: number, from: number): string {
  const seconds = (at - from) / 1000
  const size = Math.abs(seconds)
  if (size < 5) return 'now'
  if (size < 60) return relative.format(Math.round(seconds), 'second')
  if (size < 3_600) return relative.format(Math.round(seconds / 60), 'minute')
  if (size < 86_400) return relative.format(Math.round(seconds / 3_600), 'hour')
  return relative.format(Math.round(seconds / 86_400), 'day')
}

export function When({ at }: { at: number | null }) {
  const from = useNow()
  if (at === null) return <span className="muted">–</span>
  return (
    <time dateTime={new Date(at).toISOString()} title={exact.format(at)}>
      {ago(at, from)}
    </time>
  )
}

export function duration(ms: number): string {
  if (ms < 1_000) return `${Math.round(ms)} ms`
  if (ms < 60_000) return `${(ms / 1_000).toFixed(1)} s`
  const seconds = Math.round(ms / 1_000)
  if (seconds < 3_600) return `${Math.floor(seconds / 60)} min ${seconds % 60} s`
  return `${Math.floor(seconds / 3_600)} h ${Math.floor((seconds % 3_600) / 60)} min`
}

/** From a beginning to an end, or to now. */
export function Took({ from, to }: { from: number | null; to: number | null }) {
  const at = useNow()
  if (from === null) return <span className="muted">–</span>
  return <span>{duration(Math.max(0, (to ?? Math.max(at, from)) - from))}</span>
}

/** Tokens, or that nobody reported them. */
export const tokens = (input: number | null, output: number | null): string =>
  input === null && output === null
    ? 'not reported'
    : `${input === null ? '?' : count(input)} in, ${output === null ? '?' : count(output)} out`
