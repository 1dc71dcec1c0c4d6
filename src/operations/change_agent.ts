import { z } from 'zod'
import { type AgentInput, agentInput } from '../agents/agent.ts'
import { fail, ok } from '../failure.ts'
import { agentNameInput, agentView, shownAgent } from './agent-view.ts'
import { defineOperation } from './define-operation.ts'

// A change names what it changes: the defaults of a new agent must not come back in through a partial schema.
const { name: _, ...fields } = agentInput.shape
const changes = Object.fromEntries(
  Object.entries(fields).map(([field, schema]) => [
    field,
    (schema instanceof z.ZodDefault ? schema.unwrap() : schema).optional(),
  ]),
)

export const change_agent = defineOperation({
  name: 'change_agent',
  method: 'PATCH',
  path: '/agents/{agent}',
  summary: 'Change an agent while runs go on',
  description:
    'Calls in hand end as they began; the next ones see the change. Agents from a configuration file are changed there.',
  needs: 'agents:write',
  input: z.strictObject({ agent: agentNameInput, ...changes }),
  output: agentView,
  run: async (context, { agent, ...change }) => {
    if (Object.keys(change).length === 0) {
      return fail('invalid_input', 'nothing to change was given', {
        remedy: `give at least one of ${Object.keys(changes).join(', ')}`,
      })
    }
    const changed = await context.fleet.change(agent as string, change as Partial<AgentInput>)
    return changed.ok ? ok(shownAgent(changed.value)) : changed
  },
})
