import { z } from 'zod'
import { agentStatuses } from '../agents/agent.ts'
import { ok } from '../failure.ts'
import { configuredBudget, configuredBudgets } from './configured-budgets.ts'
import { defineOperation } from './define-operation.ts'

const counts = z.record(z.string(), z.number())

export const orchestration_status = defineOperation({
  name: 'orchestration_status',
  method: 'GET',
  path: '/orchestration_status',
  summary: 'What is going on: runs, swarms, agents, queue, models',
  needs: 'system:read',
  input: z.strictObject({}),
  output: z.strictObject({
    status: z.enum(['ok', 'degraded']),
    reason: z.string().nullable(),
    version: z.string(),
    uptime_s: z.number(),
    workflows: counts,
    swarms: counts,
    agents: z.record(z.string(), z.number()),
    queue: z.strictObject({
      runs_executing: z.number(),
      runs_queued: z.number(),
      calls_in_flight: z.number(),
      calls_queued: z.number(),
    }),
    limits: z.record(z.string(), z.number()),
    budgets: z.array(configuredBudget),
    models: z.strictObject({
      default: z.string().nullable(),
      reason: z.string().nullable(),
      hosts: z.array(
        z.strictObject({
          name: z.string(),
          kind: z.string(),
          ok: z.boolean(),
          detail: z.string(),
          models: z.array(z.string()),
        }),
      ),
    }),
  }),
  run: async (context) => {
    const { store, fleet, gateway, runs } = context
    const [workflows, swarms, agents, hosts, engine, health, budgets] = await Promise.all([
      store.runs.counts('workflow'),
      store.runs.counts('swarm'),
      fleet.list(),
      gateway.hosts({ signal: context.signal }),
      runs.engine(),
      store.health(),
      configuredBudgets(context),
    ])
    const byStatus: Record<string, number> = {
      total: agents.length,
      ...Object.fromEntries(agentStatuses.map((status) => [status, 0])),
    }
    for (const agent of agents) byStatus[agent.status] = (byStatus[agent.status] ?? 0) + 1
    const queue = runs.queue()
    const load = fleet.load()
    const model = gateway.default_model()
    const reason = !health.ok ? `store: ${health.detail}` : !engine.ok ? `engine: ${engine.detail}` : null
    return ok({
      status: reason === null ? ('ok' as const) : ('degraded' as const),
      reason,
      version: context.version,
      uptime_s: Math.max(0, Math.round((context.now() - context.started_at) / 1000)),
      workflows,
      swarms,
      agents: byStatus,
      queue: {
        runs_executing: queue.executing,
        runs_queued: queue.queued,
        calls_in_flight: load.in_flight,
        calls_queued: load.queued,
      },
      limits: { ...context.configuration.limits },
      budgets,
      models: {
        default: model.id,
        reason: model.id === null ? model.reason : null,
        hosts: hosts.map(({ name, kind, ok: up, detail, models }) => ({
          name,
          kind,
          ok: up,
          detail,
          models: models.map((each) => each.model),
        })),
      },
    })
  },
})
