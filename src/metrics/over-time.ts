/** Sums of buckets as series over time: every bucket of the range has a place, also those in which nothing happened. */
import { binnedQuantile } from './latency-bins.ts'
import { LEAST_RESULTS, type SuccessRate, successRate } from './success-rate.ts'

export type Sums = {
  at: number
  outcome: string
  n: number
  input_tokens: number
  output_tokens: number
  unknown_usage: number
  calls: number
}
export type Durations = { at: number; bin: number; n: number }

/** Durations below which a quantile of one bucket is not told, and of a whole range. */
export const LEAST_IN_BUCKET = 5

export type TaskSeries = {
  completed: number[]
  failed: number[]
  other: number[]
  input_tokens: number[]
  output_tokens: number[]
  unknown_usage: number[]
  calls: number[]
  /** Of the completed attempts, in ms; null in buckets with fewer than 5. */
  p50_ms: (number | null)[]
  p95_ms: (number | null)[]
  /** Share of completed among completed and failed, with its Wilson interval; null in buckets with fewer than 5. */
  success: (number | null)[]
  success_low: (number | null)[]
  success_high: (number | null)[]
}
export type TaskTotals = {
  completed: number
  failed: number
  other: number
  input_tokens: number
  output_tokens: number
  unknown_usage: number
  calls: number
  p50_ms: number | null
  p95_ms: number | null
  /** What `p50_ms` and `p95_ms` are taken from, and how many they need. */
  durations: { n: number; needs: number }
  success: SuccessRate
}

const amounts = ['input_tokens', 'output_tokens', 'unknown_usage', 'calls'] as const
type Outcome = 'completed' | 'failed' | 'other'

/** `buckets`: the beginning of each, ascending. Rows outside of them are passed over. */
export function taskSeries(
  buckets: readonly number[],
  sums: readonly Sums[],
  durations: readonly Durations[],
): TaskSeries {
  const place = new Map(buckets.map((at, i) => [at, i]))
  const zeros = () => buckets.map(() => 0)
  const counts = { completed: zeros(), failed: zeros(), other: zeros() }
  const used = { input_tokens: zeros(), output_tokens: zeros(), unknown_usage: zeros(), calls: zeros() }
  for (const row of sums) {
    const i = place.get(row.at)
    if (i === undefined) continue
    add(counts[row.outcome as Outcome], i, row.n)
    for (const name of amounts) add(used[name], i, row[name])
  }
  const bins = buckets.map(() => new Map<number, number>())
  for (const row of durations) {
    const into = bins[place.get(row.at) ?? -1]
    into?.set(row.bin, (into.get(row.bin) ?? 0) + row.n)
  }
  const rates = buckets.map((_, i) => {
    const completed = counts.completed[i] ?? 0
    return successRate(completed, completed + (counts.failed[i] ?? 0), LEAST_IN_BUCKET)
  })
  return {
    ...counts,
    ...used,
    p50_ms: bins.map((each) => binnedQuantile(each, 0.5, LEAST_IN_BUCKET)),
    p95_ms: bins.map((each) => binnedQuantile(each, 0.95, LEAST_IN_BUCKET)),
    success: rates.map((rate) => rate.value),
    success_low: rates.map((rate) => rate.interval?.[0] ?? null),
    success_high: rates.map((rate) => rate.interval?.[1] ?? null),
  }
}

export function taskTotals(sums: readonly Sums[], durations: readonly Durations[]): TaskTotals {
  const of = (outcome: Outcome) => total(sums.filter((row) => row.outcome === outcome).map((row) => row.n))
  const bins = new Map<number, number>()
  for (const row of durations) bins.set(row.bin, (bins.get(row.bin) ?? 0) + row.n)
  const completed = of('completed')
  const failed = of('failed')
  return {
    completed,
    failed,
    other: of('other'),
    input_tokens: total(sums.map((row) => row.input_tokens)),
    output_tokens: total(sums.map((row) => row.output_tokens)),
    unknown_usage: total(sums.map((row) => row.unknown_usage)),
    calls: total(sums.map((row) => row.calls)),
    p50_ms: binnedQuantile(bins, 0.5, LEAST_RESULTS),
    p95_ms: binnedQuantile(bins, 0.95, LEAST_RESULTS),
    durations: { n: total([...bins.values()]), needs: LEAST_RESULTS },
    success: successRate(completed, completed + failed),
  }
}

export const runOutcomes = ['completed', 'partial', 'failed', 'cancelled'] as const
export type RunSeries = { [K in (typeof runOutcomes)[number]]: number[] }

export function runSeries(buckets: readonly number[], sums: readonly Sums[]): RunSeries {
  const place = new Map(buckets.map((at, i) => [at, i]))
  const series: RunSeries = { completed: [], partial: [], failed: [], cancelled: [] }
  for (const outcome of runOutcomes) series[outcome] = buckets.map(() => 0)
  for (const { at, outcome, n } of sums) {
    const i = place.get(at)
    if (i !== undefined) add(series[outcome as keyof RunSeries], i, n)
  }
  return series
}

function add(to: number[] | undefined, i: number, n: number): void {
  if (to !== undefined) to[i] = (to[i] ?? 0) + n
}
const total = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0)
