import { z } from 'zod'
import { excerpt, fail, ok } from '../failure.ts'
import { agentNameInput, agentView, shownAgent } from './agent-view.ts'
import { defineOperation } from './define-operation.ts'

export const get_agent = defineOperation({
  name: 'get_agent',
  method: 'GET',
  path: '/agents/{agent}',
  summary: 'One agent',
  needs: 'agents:read',
  input: z.strictObject({ agent: agentNameInput }),
  output: agentView,
  run: async (context, { agent }) => {
    const found = await context.fleet.get(agent)
    if (found !== null) return ok(shownAgent(found))
    return fail('not_found', `there is no agent ${excerpt(agent)}`, {
      field: 'agent',
      value: excerpt(agent),
      remedy: 'GET /agents lists the agents',
    })
  },
})
