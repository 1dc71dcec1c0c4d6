/** The charts that metrics, overview and an agent's page share. */
import { count, duration } from '../parts/time.tsx'
import type { AgentHistory, OverTime } from '../server/queries.ts'
import { type Line, TimeChart } from './time-chart.tsx'

type Tasks = OverTime['tasks']
type Totals = OverTime['totals']
type Span = { buckets: readonly number[]; bucket_ms: number }
export type UsageOf = Span & { tasks: Tasks; totals: Totals }

export const usageOf = ({ range, series, totals }: AgentHistory): UsageOf => ({ ...range, tasks: series, totals })

const percent = (value: number): string => `${Math.round(value * 100)} %`
const whole = (value: number): string => (Number.isInteger(value) ? count(value) : '')
const nothing = 'Nothing ended in this time.'

export function RunChart({
  buckets,
  bucket_ms,
  runs,
  title = 'Runs that ended',
}: Pick<OverTime, 'buckets' | 'bucket_ms' | 'runs'> & { title?: string }) {
  const lines: Line[] = [
    { name: 'completed', tone: 'good', values: runs.completed },
    { name: 'partial', tone: 'warn', values: runs.partial },
    { name: 'cancelled', tone: 'calm', values: runs.cancelled },
    { name: 'failed', tone: 'bad', values: runs.failed },
  ]
  return (
    <TimeChart
      title={title}
      value={count(runs.total)}
      kind="bars"
      format={whole}
      empty={nothing}
      {...{ buckets, bucket_ms, lines }}
    />
  )
}

export function TaskChart({ buckets, bucket_ms, tasks, totals }: UsageOf) {
  const lines: Line[] = [
    { name: 'completed', tone: 'good', values: tasks.completed },
    { name: 'other', tone: 'calm', values: tasks.other },
    { name: 'failed', tone: 'bad', values: tasks.failed },
  ]
  return (
    <TimeChart
      title="Attempts of tasks"
      value={count(totals.completed + totals.failed + totals.other)}
      note="Each attempt counts. “Other” says nothing of the agent: cancelled, busy, or refused before it was asked."
      kind="bars"
      format={whole}
      empty={nothing}
      {...{ buckets, bucket_ms, lines }}
    />
  )
}

export function TokenChart({ buckets, bucket_ms, tasks, totals }: UsageOf) {
  const lines: Line[] = [
    { name: 'in', tone: 'busy', values: tasks.input_tokens },
    { name: 'out', tone: 'violet', values: tasks.output_tokens },
  ]
  const { unknown_usage, calls } = totals
  return (
    <TimeChart
      title="Tokens"
      value={count(totals.input_tokens + totals.output_tokens)}
      note={
        unknown_usage > 0
          ? `${count(unknown_usage)} of ${count(calls)} calls did not report theirs; they are not in these sums.`
          : `Of ${count(calls)} calls, all reported.`
      }
      kind="bars"
      format={whole}
      empty="No tokens were reported in this time."
      {...{ buckets, bucket_ms, lines }}
    />
  )
}

export function LatencyChart({ buckets, bucket_ms, tasks, totals }: UsageOf) {
  const lines: Line[] = [
    { name: 'p50', tone: 'busy', values: tasks.p50_ms },
    { name: 'p95', tone: 'warn', values: tasks.p95_ms },
  ]
  const { n, needs } = totals.durations
  return (
    <TimeChart
      title="Time for a task"
      value={
        totals.p50_ms === null
          ? undefined
          : `p50 ${duration(totals.p50_ms)}, p95 ${totals.p95_ms === null ? '–' : duration(totals.p95_ms)}`
      }
      note={
        n < needs
          ? `For the whole range: not enough data, needs ${needs} completed tasks, has ${n}.`
          : `n = ${count(n)} completed tasks. A point needs 5; quantiles are within 13 %.`
      }
      kind="lines"
      format={(ms) => (ms === 0 ? '0' : duration(ms))}
      empty="No point has the 5 completed tasks that it needs."
      {...{ buckets, bucket_ms, lines }}
    />
  )
}

export function SuccessChart({ buckets, bucket_ms, tasks, totals }: UsageOf) {
  const { value, interval, n, reason } = totals.success
  const lines: Line[] = [
    { name: 'succeeded', tone: 'accent', values: tasks.success },
    { name: 'lower end', tone: 'accent', values: tasks.success_low, band: 'low' },
    { name: 'upper end', tone: 'accent', values: tasks.success_high, band: 'high' },
  ]
  return (
    <TimeChart
      title="Success"
      value={
        value === null || interval === null
          ? undefined
          : `${percent(value)} (${percent(interval[0])} to ${percent(interval[1])})`
      }
      note={
        reason ??
        `n = ${count(n)} attempts; the band is the 95 % Wilson interval, and a point needs 5. It says that an answer came, not that it was right.`
      }
      kind="lines"
      format={percent}
      most={1}
      empty="No point has the 5 results that it needs."
      {...{ buckets, bucket_ms, lines }}
    />
  )
}
