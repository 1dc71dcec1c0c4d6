import { z } from 'zod'
import { agentStatuses } from '../agents/agent.ts'
import type { AgentView } from '../fleet/fleet.ts'

/** An agent as the API shows it. */
export const agentView = z.looseObject({
  id: z.string(),
  name: z.string(),
  type: z.string(),
  system: z.string(),
  status: z.enum(agentStatuses),
  capabilities: z.array(z.string()),
  source: z.enum(['default', 'file', 'api', 'library']),
  current_tasks: z.array(z.looseObject({ run: z.string(), task: z.string() })),
  breaker: z.looseObject({ state: z.enum(['closed', 'open', 'half_open']) }),
  performance: z.looseObject({ value: z.number().nullable(), n: z.number() }),
})

export const agentNameInput = z.string().min(1).max(100).meta({ description: 'Name or id of an agent' })

const secretName = /key|secret|token|password|credential|authorization/i
const reference = /^(env|file):/

/**
 * Settings may hold what a person wrote in plain against all advice (`api_key: sk-…`): values under such names are
 * withheld unless they are references (`env:NAME`, `file:PATH`).
 */
export function shownAgent(agent: AgentView): Omit<AgentView, 'settings'> & { settings: unknown } {
  return { ...agent, settings: withheld(agent.settings) }
}

function withheld(value: unknown, name = ''): unknown {
  if (Array.isArray(value)) return value.map((item) => withheld(item, name))
  if (typeof value === 'object' && value !== null) {
    return Object.fromEntries(
      Object.entries(value).map(([key, item]) => [key, withheld(item, secretName.test(key) ? key : name)]),
    )
  }
  return typeof value === 'string' && secretName.test(name) && !reference.test(value) ? '(not shown)' : value
}
