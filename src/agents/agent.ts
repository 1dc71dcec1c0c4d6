/** Something that can be given a task. */
import { z } from 'zod'
import { agentName, effectClass, identifier } from '../workflow/definition.ts'
import { duration } from '../workflow/duration.ts'

export const agentTypes = [
  'memory',
  'reasoning',
  'planning',
  'execution',
  'orchestration',
  'development',
  'workflow',
  'security',
  'interface',
  'model',
] as const
export const agentStatuses = ['idle', 'busy', 'degraded', 'draining', 'offline', 'retired'] as const
export type AgentStatus = (typeof agentStatuses)[number]

/** A reference to a secret (`env:NAME`, `file:PATH`): never the secret itself. */
export const secretReference = z
  .string()
  .regex(/^(env:[A-Za-z_][A-Za-z0-9_]*|file:.+)$/, 'a reference: env:NAME or file:PATH')

/** What a person writes to add an agent. `settings` is checked by the agent system named in `system`. */
export const agentInput = z.strictObject({
  name: agentName,
  type: z.enum(agentTypes).default('model'),
  system: z
    .string()
    .min(1)
    .max(64)
    .meta({ description: 'Which adapter drives it: local_model, ollama, openai_compatible, command, http …' }),
  description: z.string().max(2_000).default(''),
  role: z.string().max(200).default(''),
  instructions: z.string().max(20_000).default(''),
  capabilities: z.array(identifier).max(100).default([]),
  settings: z.record(z.string(), z.json()).default({}),
  concurrency: z.int().min(1).max(1_000).default(4),
  timeout: duration.default('5m'),
  /** Overrides what the adapter says of its effects. */
  effect: effectClass.optional(),
})
export type AgentInput = z.infer<typeof agentInput>

export type Agent = AgentInput & {
  /** `agt_` + UUIDv7. */
  id: string
  source: 'default' | 'file' | 'api' | 'library'
  draining: boolean
  retired: boolean
  created_at: number
  updated_at: number
  /** Content hash over everything that changes its behaviour. */
  hash: string
}
