import { v7 } from 'uuid'
import { z } from 'zod'
import { excerpt, fail, ok } from '../failure.ts'
import type { StoredTry } from '../store/store.ts'
import { duration, milliseconds } from '../workflow/duration.ts'
import { agentNameInput } from './agent-view.ts'
import { defineOperation } from './define-operation.ts'
import { beginTry, MOST_TRIES, shownTry, tryView } from './tries.ts'

const LONGEST_MS = 600_000

export const try_agent = defineOperation({
  name: 'try_agent',
  method: 'POST',
  path: '/agents/{agent}/tries',
  summary: 'Give one agent one prompt, outside of any run',
  description: `Answers at once; GET /tries/{id} tells how far it is and what came of it. At most ${MOST_TRIES} are under way. It is a real call: what the agent does outside is done, and its track record learns from it. It is kept as a try, with prompt and answer, and is no part of runs or of their sums.`,
  needs: 'agents:write',
  status: 202,
  input: z.strictObject({
    agent: agentNameInput,
    prompt: z.string().trim().min(1).max(20_000),
    timeout: duration
      .refine((text) => milliseconds(text) >= 1_000 && milliseconds(text) <= LONGEST_MS, 'between 1s and 10m')
      .default('2m'),
    max_output_tokens: z.int().min(1).max(32_000).optional(),
  }),
  output: tryView,
  run: async (context, { agent, prompt, timeout, max_output_tokens }) => {
    const found = await context.fleet.get(agent)
    if (found === null)
      return fail('not_found', `there is no agent ${excerpt(agent)}`, {
        field: 'agent',
        value: excerpt(agent),
        remedy: 'GET /agents lists the agents',
      })
    if (found.retired || found.draining)
      return fail('conflict', `${found.name} is ${found.retired ? 'retired' : 'draining'} and takes no new work`, {
        field: 'agent',
        value: found.name,
        remedy: 'choose another agent',
      })
    const begun: StoredTry = {
      id: `try_${v7()}`,
      agent: found.id,
      agent_name: found.name,
      prompt,
      by: context.actor,
      state: 'running',
      created_at: context.now(),
      ended_at: null,
      output: null,
      failure: null,
      model: null,
      input_tokens: null,
      output_tokens: null,
      duration_ms: null,
      queued_ms: null,
    }
    const bounds = { timeout_ms: milliseconds(timeout), max_output_tokens: max_output_tokens ?? null }
    const started = await beginTry(context, begun, bounds)
    return started.ok ? ok(shownTry(context, begun)) : started
  },
})
