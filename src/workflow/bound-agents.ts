/**
 * Agents by content. A run goes on with its agents as they are when they are asked, and its log says when one of them
 * is another than before: the run notes the content hash of each agent that its definition names when it starts, and
 * the content and model that each task was done by.
 */
import type { Definition, Stage } from './definition.ts'
import type { EventData } from './event.ts'
import type { RunState } from './run-state.ts'
import type { Turn } from './turn.ts'

const known = new WeakMap<Definition, readonly string[]>()

/** Names of the agents that a definition names anywhere, without doubles, sorted. Remembered per definition. */
export function agentsNamedBy(definition: Definition): readonly string[] {
  let names = known.get(definition)
  if (names === undefined) {
    const found = new Set<string>()
    const open: (readonly Stage[])[] = [definition.stages]
    for (let stages = open.pop(); stages !== undefined; stages = open.pop())
      for (const stage of stages) {
        for (const name of agentsOf(stage)) found.add(name)
        if (stage.kind === 'loop' || stage.kind === 'for_each') open.push(stage.stages)
      }
    names = [...found].sort()
    known.set(definition, names)
  }
  return names
}

/** Agents that one stage names, its body left out. */
export function agentsOf(stage: Stage): string[] {
  if (stage.kind === 'vote') return typeof stage.voters === 'number' ? [] : stage.voters
  if (stage.kind !== 'tasks') return []
  return stage.tasks.flatMap(({ agent, fallback, compensate }) =>
    [agent, ...(fallback ?? []), compensate?.agent].filter((name) => name !== undefined),
  )
}

export function bindAgents(state: RunState, agents: { [name: string]: string } = {}): void {
  for (const [name, hash] of Object.entries(agents)) state.agents[name] = { hash }
}

/** Notes who did a task; an agent or a model that is not what the run knew makes an event. */
export function noteAgent(
  turn: Turn,
  data: Pick<EventData['task_finished'], 'task' | 'agent_hash' | 'model_digest'> & {
    agent: string | null
    model?: string | null
  },
): void {
  const { agent, agent_hash: hash, task } = data
  if (agent === null || hash === undefined) return
  const before = turn.state.agents[agent]
  const named = data.model ?? undefined
  const model = named === undefined || data.model_digest === undefined ? named : `${named}@${data.model_digest}`
  if (before !== undefined && before.hash !== hash)
    turn.emit('agent_changed', { agent, task, what: 'agent', from: before.hash, to: hash })
  if (before?.model !== undefined && model !== undefined && before.model !== model)
    turn.emit('agent_changed', { agent, task, what: 'model', from: before.model, to: model })
  const kept = model ?? before?.model
  turn.state.agents[agent] = { hash, ...(kept !== undefined && { model: kept }) }
}
