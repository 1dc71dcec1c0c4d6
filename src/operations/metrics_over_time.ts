import { z } from 'zod'
import { ok } from '../failure.ts'
import { LEAST_IN_BUCKET, runOutcomes, runSeries, taskSeries, taskTotals } from '../metrics/over-time.ts'
import { defineOperation } from './define-operation.ts'
import { timeRange, timeRangeInput } from './time-range.ts'

/** Agents or models that are told apart. */
/** A bucket that all of time is in: what only totals are asked of need not be read point by point. */
const AS_ONE = Number.MAX_SAFE_INTEGER
const USUAL_GROUPS = 20
const MOST_GROUPS = 1_000

const numbers = z.array(z.number())
const gaps = z.array(z.number().nullable())
const series = z.strictObject({
  completed: numbers,
  failed: numbers,
  other: numbers.meta({ description: 'Failed attempts that say nothing of the agent: cancelled, busy, refused' }),
  input_tokens: numbers,
  output_tokens: numbers,
  unknown_usage: numbers.meta({ description: 'Calls whose tokens nobody reported: not in the sums' }),
  calls: numbers,
  p50_ms: gaps,
  p95_ms: gaps,
  success: gaps,
  success_low: gaps,
  success_high: gaps,
})
const totals = z.strictObject({
  completed: z.number(),
  failed: z.number(),
  other: z.number(),
  input_tokens: z.number(),
  output_tokens: z.number(),
  unknown_usage: z.number(),
  calls: z.number(),
  p50_ms: z.number().nullable(),
  p95_ms: z.number().nullable(),
  durations: z.strictObject({ n: z.number(), needs: z.number() }),
  success: z.strictObject({
    value: z.number().nullable(),
    n: z.number(),
    needs: z.number(),
    interval: z.tuple([z.number(), z.number()]).nullable(),
    reason: z.string().nullable(),
  }),
})

export const metrics_over_time = defineOperation({
  name: 'metrics_over_time',
  method: 'GET',
  path: '/metrics_over_time',
  summary: 'Runs, tasks, tokens, latency and success over time, each with its sample',
  description: `Sums that are kept with the events, so the cost does not grow with their number. Points are columns: the i-th of each belongs to the i-th bucket. Quantiles and shares are null where a bucket has fewer than ${LEAST_IN_BUCKET} of what they are taken from. Quantiles are read from bins and may be off by 13 %. Days begin at midnight UTC. What a fork shares with its source is counted once.`,
  needs: 'system:read',
  input: z.strictObject({
    ...timeRangeInput,
    agent: z.string().min(1).max(100).optional().meta({ description: 'Only attempts of the agent of this name' }),
    groups: z
      .int()
      .min(1)
      .max(MOST_GROUPS)
      .default(USUAL_GROUPS)
      .meta({ description: 'How many agents or models are told apart: those with the most calls' }),
    points: z.boolean().default(true).meta({ description: 'false: groups have totals and no points' }),
    by: z.enum(['agent', 'model']).optional().meta({ description: 'Also told apart by agent or by model' }),
  }),
  output: z.strictObject({
    from: z.number(),
    to: z.number(),
    bucket_ms: z.number(),
    buckets: numbers.meta({ description: 'Beginning of each bucket' }),
    runs: z.strictObject({
      ...(Object.fromEntries(runOutcomes.map((outcome) => [outcome, numbers])) as Record<
        (typeof runOutcomes)[number],
        typeof numbers
      >),
      total: z.number(),
    }),
    tasks: series,
    totals,
    groups: z
      .array(z.strictObject({ name: z.string(), tasks: series.nullable(), totals }))
      .meta({ description: 'When `by` is given, the one with the most calls first' }),
    groups_left_out: z.number(),
  }),
  run: async (context, { agent, by, groups: most, points, ...asked }) => {
    const range = timeRange(asked, context.now())
    if (!range.ok) return range
    const { buckets, bucket_ms, from, to, grain } = range.value
    const filter = { grain, bucket: bucket_ms, from, to }
    const tasks = { ...filter, kind: 'task' as const, ...(agent !== undefined && { agent }) }
    const grouped = points ? tasks : { ...tasks, bucket: AS_ONE }
    const { usage } = context.store
    const [runSums, sums, durations, groupSums, groupDurations] = await Promise.all([
      usage.sums({ ...filter, kind: 'run' }),
      usage.sums(tasks),
      usage.durations(tasks, 'completed'),
      by === undefined ? [] : usage.sums({ ...grouped, by }),
      by === undefined ? [] : usage.durations({ ...grouped, by }, 'completed'),
    ])
    const runs = runSeries(buckets, runSums)
    const sumsOf = Map.groupBy(groupSums, (row) => row.name)
    const durationsOf = Map.groupBy(groupDurations, (row) => row.name)
    const named = [...sumsOf]
      // Without a name: no agent could take the task, or its model was not told.
      .filter(([name]) => name !== '')
      .map(([name, rows]) => ({ name, rows, totals: taskTotals(rows, durationsOf.get(name) ?? []) }))
      .sort((a, b) => b.totals.calls - a.totals.calls || (a.name < b.name ? -1 : 1))
    return ok({
      from,
      to,
      bucket_ms,
      buckets,
      runs: { ...runs, total: runSums.reduce((total, row) => total + row.n, 0) },
      tasks: taskSeries(buckets, sums, durations),
      totals: taskTotals(sums, durations),
      groups: named.slice(0, most).map(({ name, rows, totals }) => ({
        name,
        tasks: points ? taskSeries(buckets, rows, durationsOf.get(name) ?? []) : null,
        totals,
      })),
      groups_left_out: Math.max(0, named.length - most),
    })
  },
})
