import { z } from 'zod'
import { ok } from '../failure.ts'
import { agentNameInput } from './agent-view.ts'
import { defineOperation } from './define-operation.ts'

/** A probe that takes longer is an answer too. */
const PROBE_MS = 20_000

export const probe_agent = defineOperation({
  name: 'probe_agent',
  method: 'POST',
  path: '/agents/{agent}/probe',
  summary: 'Check now whether an agent can work',
  needs: 'agents:write',
  input: z.strictObject({ agent: agentNameInput }),
  output: z.strictObject({
    ok: z.boolean(),
    detail: z.string(),
    models: z.array(z.string()).optional(),
    version: z.string().optional(),
  }),
  run: async (context, { agent }) => {
    const probed = await context.fleet.probe(agent, AbortSignal.any([context.signal, AbortSignal.timeout(PROBE_MS)]))
    return probed.ok ? ok(probed.value) : probed
  },
})
