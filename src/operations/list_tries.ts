import { z } from 'zod'
import { excerpt, fail, ok } from '../failure.ts'
import { agentNameInput } from './agent-view.ts'
import { defineOperation } from './define-operation.ts'
import { shownTry, tryView } from './tries.ts'

export const list_tries = defineOperation({
  name: 'list_tries',
  method: 'GET',
  path: '/agents/{agent}/tries',
  summary: 'Prompts that were tried on an agent, the latest first',
  needs: 'agents:read',
  input: z.strictObject({ agent: agentNameInput, limit: z.int().min(1).max(200).default(20) }),
  output: z.strictObject({ items: z.array(tryView) }),
  run: async (context, { agent, limit }) => {
    const found = await context.fleet.get(agent)
    if (found === null)
      return fail('not_found', `there is no agent ${excerpt(agent)}`, { field: 'agent', value: excerpt(agent) })
    const items = await context.store.tries.list(found.id, limit)
    return ok({ items: items.map((each) => shownTry(context, each)) })
  },
})
