import { z } from 'zod'
import { fail, ok } from '../failure.ts'
import { swarmDefinition, swarmLimits } from '../swarm/swarm-definition.ts'
import { pinnedBudget, requestBudget } from './budget-input.ts'
import { checkGoal, goalInput } from './create_workflow.ts'
import { defineOperation } from './define-operation.ts'
import { swarmId } from './find-run.ts'
import { startRun } from './start-run.ts'

export const create_swarm = defineOperation({
  name: 'create_swarm',
  method: 'POST',
  path: '/create_swarm',
  summary: 'Have a number of agents work on one objective together',
  description:
    'Each proposes on its own, all vote, the votes are counted, one writes it up. Answers when the run is stored; watch /runs/{run_id}/events.',
  needs: 'runs:write',
  status: 202,
  input: z
    .strictObject({
      objective: goalInput,
      agents: z
        .int()
        .min(swarmLimits.least)
        .max(swarmLimits.most)
        .default(swarmLimits.usual)
        .meta({ description: 'Members of the swarm' }),
      budget: requestBudget.optional(),
    })
    .meta({ examples: [{ objective: 'Solve complex reasoning task', agents: 10 }] }),
  output: z.strictObject({ swarm_id: z.string(), run_id: z.string(), status: z.literal('initializing') }),
  run: async (context, { objective, agents, budget }) => {
    const checked = checkGoal(context, 'objective', objective)
    if (!checked.ok) return checked
    const available = context.fleet.candidates(null)
    if (available.length === 0) {
      return fail('conflict', 'no agent takes new work, so there is nobody to make up a swarm', {
        remedy: 'GET /agents shows the agents and what is wrong with them; add one with POST /agents',
      })
    }
    const definition = swarmDefinition(objective, agents, available)
    const stored = await context.store.definitions.put(definition, context.actor, 'built for a swarm')
    const started = await startRun(context, {
      kind: 'swarm',
      goal: objective,
      definition: stored.hash,
      inputs: {},
      ...(budget === undefined ? {} : { budget: pinnedBudget(budget) }),
    })
    if (!started.ok) return started
    const run_id = started.value.run
    return ok({ swarm_id: swarmId(run_id), run_id, status: 'initializing' as const })
  },
})
