import { z } from 'zod'
import { ok } from '../failure.ts'
import { agentNameInput, agentView, shownAgent } from './agent-view.ts'
import { defineOperation } from './define-operation.ts'

export const drain_agent = defineOperation({
  name: 'drain_agent',
  method: 'POST',
  path: '/agents/{agent}/drain',
  summary: 'Give an agent no new work',
  description: 'Work in hand is finished.',
  needs: 'agents:write',
  input: z.strictObject({ agent: agentNameInput }),
  output: agentView,
  run: async (context, { agent }) => {
    const drained = await context.fleet.drain(agent)
    return drained.ok ? ok(shownAgent(drained.value)) : drained
  },
})
