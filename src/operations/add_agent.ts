import { agentInput } from '../agents/agent.ts'
import { excerpt, fail, ok } from '../failure.ts'
import { agentView, shownAgent } from './agent-view.ts'
import { defineOperation } from './define-operation.ts'

export const add_agent = defineOperation({
  name: 'add_agent',
  method: 'POST',
  path: '/agents',
  summary: 'Add an agent',
  description: 'It takes work as soon as its first health check has passed; runs in flight may use it.',
  needs: 'agents:write',
  status: 201,
  input: agentInput,
  output: agentView,
  run: async (context, input) => {
    const limit = context.configuration.limits.agents
    if ((await context.fleet.list()).length >= limit) {
      return fail('conflict', `there are ${limit} agents, and no more are allowed`, {
        field: 'name',
        value: excerpt(input.name),
        remedy: 'remove an agent, or raise limits.agents in quorate.yaml',
      })
    }
    const added = await context.fleet.add(input, 'api')
    return added.ok ? ok(shownAgent(added.value)) : added
  },
})
