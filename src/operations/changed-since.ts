/** What is another than a run knows it: agents by their content, models by name and digest, definitions that it names. */
import { agentsNamedBy } from '../workflow/bound-agents.ts'
import type { Definition, Stage } from '../workflow/definition.ts'
import type { RunState } from '../workflow/run-state.ts'
import type { OperationContext } from './operation.ts'

export type Changed = {
  what: 'agent' | 'model' | 'definition'
  name: string
  /** Content hash, model, or version; null where the run does not know it. */
  from: string | null
  /** Null = it is gone. */
  to: string | null
  /** What that means for the run. */
  effect: string
}

/** The machine as it is now, asked once for all runs of a request. */
export type Present = {
  agents: ReadonlyMap<string, { hash: string; updated_at: number }>
  /** Digest by `host/model`; and the hosts that say which models they have. */
  models: ReadonlyMap<string, string | null>
  hosts: ReadonlySet<string>
  newest: (name: string) => Promise<{ hash: string; version: number; created_at: number } | null>
}

export async function presentOf({ fleet, gateway, store, signal }: OperationContext): Promise<Present> {
  const agents = (await fleet.list()).filter((agent) => !agent.retired)
  const hosts = (await gateway.hosts({ refresh: true, signal })).filter((host) => host.ok && host.models.length > 0)
  const known = new Map<string, ReturnType<Present['newest']>>()
  return {
    agents: new Map(agents.map(({ name, hash, updated_at }) => [name, { hash, updated_at }])),
    models: new Map(hosts.flatMap((host) => host.models.map(({ id, digest }) => [id, digest]))),
    hosts: new Set(hosts.map(({ name }) => name)),
    newest(name) {
      const asked = known.get(name) ?? store.definitions.get(name)
      known.set(name, asked)
      return asked
    },
  }
}

export async function changedSince(
  { agents, started_at }: Pick<RunState, 'agents' | 'started_at'>,
  definition: Definition | null,
  present: Present,
): Promise<Changed[]> {
  const changed: Changed[] = []
  const names = new Set([...Object.keys(agents), ...(definition === null ? [] : agentsNamedBy(definition))])
  for (const name of [...names].sort()) {
    const from = agents[name]?.hash ?? null
    const now = present.agents.get(name)
    if (now === undefined) {
      const effect = 'tasks that name it fail until there is an agent of this name; tasks by capability go to others'
      changed.push({ what: 'agent', name, from, to: null, effect })
    } else if (from === null ? now.updated_at > started_at : now.hash !== from)
      changed.push({ what: 'agent', name, from, to: now.hash, effect: 'is asked as it is now, and the log says so' })
    changed.push(...modelOf(name, agents[name]?.model, present))
  }
  for (const name of definition === null ? [] : definitionsNamedBy(definition.stages)) {
    const newest = await present.newest(name)
    if (newest === null || newest.created_at <= started_at) continue
    const effect = 'a run that is started under this name from now on follows the newest version'
    changed.push({ what: 'definition', name, from: null, to: `${name}@${newest.version}`, effect })
  }
  return changed
}

/** Only for hosts that say which models they have; others say so when they are asked. */
function modelOf(agent: string, known: string | undefined, { models, hosts }: Present): Changed[] {
  if (known === undefined) return []
  const at = known.lastIndexOf('@')
  const [id, digest] = at === -1 ? [known, null] : [known.slice(0, at), known.slice(at + 1)]
  if (!hosts.has(id.slice(0, id.indexOf('/')))) return []
  const now = models.get(id)
  if (now === undefined)
    return [{ what: 'model', name: id, from: known, to: null, effect: `was used by ${agent}; its host has it no more` }]
  if (digest === null || now === null || now === digest) return []
  return [{ what: 'model', name: id, from: known, to: `${id}@${now}`, effect: `is used by ${agent} as it is now` }]
}

/** Definitions that stages of kind `run` name without a version: which one is meant is settled when they start. */
function definitionsNamedBy(stages: readonly Stage[]): Set<string> {
  const names = new Set<string>()
  const open = [stages]
  for (let level = open.pop(); level !== undefined; level = open.pop())
    for (const stage of level) {
      if (stage.kind === 'loop' || stage.kind === 'for_each') open.push(stage.stages)
      if (stage.kind === 'run' && !/[@:]/.test(stage.definition)) names.add(stage.definition)
    }
  return names
}
