import { z } from 'zod'
import { excerpt, fail, ok } from '../failure.ts'
import { allOpen, healthGates } from '../metrics/health-gates.ts'
import { taskSeries, taskTotals } from '../metrics/over-time.ts'
import { readCursor } from '../store/cursor.ts'
import type { Store } from '../store/store.ts'
import { agentNameInput } from './agent-view.ts'
import { defineOperation } from './define-operation.ts'
import { pageInput } from './list_runs.ts'
import { buckets, ranges, timeRange, timeRangeInput } from './time-range.ts'

const MOST_STATES = 100

export const agent_history = defineOperation({
  name: 'agent_history',
  method: 'GET',
  path: '/agents/{agent}/history',
  summary: 'What one agent did and how it was: tasks, changes of state, success, cost, latency, gates of its health',
  description:
    'Tasks are of all time, page by page, the latest first; sums are of the range. Events name agents, so tasks are those of the agent’s present name. `grade` needs an evaluation on cases with known answers and is null until there is one.',
  needs: 'agents:read',
  input: z.strictObject({ agent: agentNameInput, ...timeRangeInput, ...pageInput }),
  output: z.strictObject({
    agent: z.string(),
    range: z.strictObject({ from: z.number(), to: z.number(), bucket_ms: z.number(), buckets: z.array(z.number()) }),
    series: z.looseObject({}),
    totals: z.looseObject({}),
    health: z.strictObject({
      open: z
        .boolean()
        .nullable()
        .meta({ description: 'All gates open; null: one cannot be told, and none is closed' }),
      gates: z.array(z.looseObject({ name: z.string(), open: z.boolean().nullable(), reason: z.string() })),
    }),
    grade: z.strictObject({ value: z.null(), reason: z.string() }),
    states: z.array(z.strictObject({ at: z.number(), state: z.string(), breaker: z.string(), reason: z.string() })),
    tasks: z.array(z.looseObject({ run: z.string(), task: z.string(), at: z.number(), ok: z.boolean() })),
    next: z.string().nullable(),
  }),
  run: async (context, { agent: asked, limit, cursor, ...times }) => {
    const from = cursor === undefined ? ok(null) : readCursor(cursor)
    if (!from.ok) return from
    const found = await context.fleet.get(asked)
    if (found === null)
      return fail('not_found', `there is no agent ${excerpt(asked)}`, {
        field: 'agent',
        value: excerpt(asked),
        remedy: 'GET /agents lists the agents',
      })
    const now = context.now()
    const range = timeRange(times, now)
    if (!range.ok) return range
    const { buckets: points, bucket_ms, from: start, to, grain } = range.value
    const agent = found.name
    const filter = { kind: 'task' as const, grain, bucket: bucket_ms, from: start, to, agent }
    const { usage, agent_history: history } = context.store
    const [sums, durations, states, calls, evidence] = await Promise.all([
      usage.sums(filter),
      usage.durations(filter, 'completed'),
      history.states(found.id, MOST_STATES),
      history.calls({ agent, limit, ...(cursor !== undefined && { cursor }) }),
      lately(context.store, agent, now),
    ])
    const gates = healthGates({ answers: found.health, breaker: found.breaker.state, ...evidence })
    return ok({
      agent,
      range: { from: start, to, bucket_ms, buckets: points },
      series: taskSeries(points, sums, durations),
      totals: taskTotals(sums, durations),
      health: { open: allOpen(gates), gates },
      grade: {
        value: null,
        reason: 'needs an evaluation of this agent on cases with known answers; there is none',
      },
      states: states.map(({ agent: _, ...state }) => state),
      tasks: calls.items,
      next: calls.next,
    })
  },
})

/** The last day, and the 30 days before it. */
async function lately(store: Store, agent: string, now: number) {
  const hour = buckets['1h']
  const to = (Math.floor(now / hour) + 1) * hour
  const day = { kind: 'task' as const, agent, grain: hour, bucket: ranges['24h'], from: to - ranges['24h'], to }
  const before = { ...day, from: day.from - ranges['30d'], to: day.from }
  const [sums, recent, usual] = await Promise.all([
    store.usage.sums(day),
    store.usage.durations(day, 'completed'),
    store.usage.durations(before, 'completed'),
  ])
  const n = (outcome: string) => sums.filter((row) => row.outcome === outcome).reduce((total, row) => total + row.n, 0)
  const bins = (rows: typeof recent) => {
    const counts = new Map<number, number>()
    for (const row of rows) counts.set(row.bin, (counts.get(row.bin) ?? 0) + row.n)
    return counts
  }
  return {
    recent: { completed: n('completed'), failed: n('failed') },
    recent_durations: bins(recent),
    usual_durations: bins(usual),
  }
}
