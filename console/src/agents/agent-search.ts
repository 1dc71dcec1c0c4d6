/** What the addresses of the fleet and of one agent may say. Anything else in them is left out. */
import { type Range, readRange } from '../charts/range.ts'
import { textOf } from '../runs/run-search.ts'

export const agentStates = ['busy', 'idle', 'degraded', 'offline', 'draining', 'retired'] as const
export type AgentSearch = { agent?: string; add?: boolean; text?: string; state?: (typeof agentStates)[number] }
export function readAgentSearch(given: Record<string, unknown>): AgentSearch {
  const state = agentStates.find((one) => one === given.state)
  return {
    ...textOf(given, 'agent', 100),
    ...textOf(given, 'text', 100),
    ...(given.add === true && { add: true }),
    ...(state !== undefined && { state }),
  }
}

export const agentViews = {
  history: 'History',
  tasks: 'Tasks',
  states: 'States',
  try: 'Try it',
  about: 'About',
} as const
export type AgentView = keyof typeof agentViews
export type AgentPageSearch = { view?: AgentView; range?: Range }
export function readAgentPageSearch(given: Record<string, unknown>): AgentPageSearch {
  const view = (Object.keys(agentViews) as AgentView[]).find((one) => one === given.view)
  return { ...(view !== undefined && { view }), ...readRange(given) }
}
