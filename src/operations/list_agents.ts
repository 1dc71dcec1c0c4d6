import { z } from 'zod'
import { agentStatuses } from '../agents/agent.ts'
import { ok } from '../failure.ts'
import { agentView, shownAgent } from './agent-view.ts'
import { defineOperation } from './define-operation.ts'

export const list_agents = defineOperation({
  name: 'list_agents',
  method: 'GET',
  path: '/agents',
  summary: 'The agents with their state, work in hand, breaker and track record',
  needs: 'agents:read',
  input: z.strictObject({
    status: z.array(z.enum(agentStatuses)).max(agentStatuses.length).optional(),
    capability: z.string().min(1).max(100).optional(),
  }),
  output: z.strictObject({ items: z.array(agentView), capabilities: z.record(z.string(), z.number()) }),
  run: async (context, { status, capability }) => {
    const agents = (await context.fleet.list()).filter(
      (agent) =>
        (status === undefined || status.includes(agent.status)) &&
        (capability === undefined || agent.capabilities.includes(capability)),
    )
    return ok({ items: agents.map(shownAgent), capabilities: context.fleet.capabilities() })
  },
})
