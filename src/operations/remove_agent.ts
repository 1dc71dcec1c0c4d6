import { z } from 'zod'
import { ok } from '../failure.ts'
import { agentNameInput, agentView, shownAgent } from './agent-view.ts'
import { defineOperation } from './define-operation.ts'

export const remove_agent = defineOperation({
  name: 'remove_agent',
  method: 'DELETE',
  path: '/agents/{agent}',
  summary: 'Remove an agent',
  description:
    'With work in hand it is drained first and removed when idle; `force` ends its work, which other agents may take over.',
  needs: 'agents:write',
  input: z.strictObject({ agent: agentNameInput, force: z.boolean().default(false) }),
  output: agentView,
  run: async (context, { agent, force }) => {
    const removed = await context.fleet.remove(agent, { force })
    return removed.ok ? ok(shownAgent(removed.value)) : removed
  },
})
