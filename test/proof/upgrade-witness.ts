/** Holds what a run did against what its log claims, by what its agents themselves say that they were told. */
import { parseStage, splitTask } from '../../src/workflow/address.ts'
import type { Definition, Stage } from '../../src/workflow/definition.ts'
import type { RunEvent } from '../../src/workflow/event.ts'

/** What was known of the machine, by content: definitions by hash, agents by hash. */
export type Known = {
  definitions: Map<string, Definition>
  agents: Map<string, { system: string; instructions: string }>
}

export type Witnessed = {
  /** Definition that the run followed at its end, and how often it went over. */
  definition: string | null
  changes: number
  /** Names of agents that the log says have changed, and of those whose model has. */
  agents: Set<string>
  models: Set<string>
  programs: string[]
  status: string | null
  /** What was done otherwise than the log says. */
  silent: string[]
}

export function witness(events: readonly RunEvent[], known: Known): Witnessed {
  const seen: Witnessed = {
    definition: null,
    changes: 0,
    agents: new Set(),
    models: new Set(),
    programs: [],
    status: null,
    silent: [],
  }
  const bound = new Map<string, { hash: string; model: string | null }>()
  for (const event of events) {
    const said = (what: 'agent' | 'model'): boolean =>
      events.some((other) => other.type === 'agent_changed' && other.cause === event.seq && other.data.what === what)
    switch (event.type) {
      case 'run_started':
        seen.definition = event.data.definition
        if (event.data.program !== undefined) seen.programs.push(event.data.program)
        for (const [name, hash] of Object.entries(event.data.agents ?? {})) bound.set(name, { hash, model: null })
        break
      case 'definition_changed':
        seen.definition = event.data.definition
        seen.changes++
        break
      case 'program_changed':
        seen.programs.push(event.data.to)
        break
      case 'agent_changed':
        ;(event.data.what === 'agent' ? seen.agents : seen.models).add(event.data.agent)
        break
      case 'run_finished':
        seen.status = event.data.status
        break
      case 'task_finished': {
        const { agent, agent_hash = '', model, model_digest, task, output } = event.data
        const before = bound.get(agent)
        const now = model === null ? null : `${model}@${model_digest}`
        if (before !== undefined && before.hash !== agent_hash && !said('agent'))
          seen.silent.push(`${event.run} ${task}: ${agent} is another, and the log does not say so`)
        if (before?.model && before.model !== now && !said('model'))
          seen.silent.push(`${event.run} ${task}: ${agent} has another model, and the log does not say so`)
        bound.set(agent, { hash: agent_hash, model: now })
        const claimed = claim(event.data, seen.definition, known)
        if (claimed !== output)
          seen.silent.push(`${event.run} ${task}: ${JSON.stringify(output)}, by the log ${claimed}`)
      }
    }
  }
  return seen
}

/** What the agent must have said, if it was told what the log says. */
function claim(
  { task: address, agent, agent_hash, model, model_digest }: RunEvent<'task_finished'>['data'],
  hash: string | null,
  known: Known,
): string {
  if (agent === 'holder') return 'held'
  if (model !== null) return `${model.slice(model.indexOf('/') + 1)}@${model_digest}`
  const told = known.agents.get(agent_hash ?? '')?.instructions ?? 'an agent that nobody made'
  const { stage, task } = splitTask(address)
  let stages: readonly Stage[] = known.definitions.get(hash ?? '')?.stages ?? []
  let found: Stage | undefined
  for (const { id } of parseStage(stage)) {
    found = stages.find((each) => each.id === id)
    stages = found?.kind === 'loop' || found?.kind === 'for_each' ? found.stages : []
  }
  const spec = found?.kind === 'tasks' ? found.tasks.find((each) => each.id === task) : undefined
  return `${told}|${spec?.instructions ?? 'a task that the definition does not have'}`
}
