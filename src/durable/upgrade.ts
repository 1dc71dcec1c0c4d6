/** What binds a run to its agents, to a version of its definition and to this program, where the shell has to look. */
import type { Fleet } from '../fleet/fleet.ts'
import type { Store } from '../store/store.ts'
import { agentsNamedBy } from '../workflow/bound-agents.ts'
import type { Definition } from '../workflow/definition.ts'
import type { RunInput } from '../workflow/event.ts'
import { openMigration } from '../workflow/migration.ts'
import type { Courses } from './courses.ts'

const READ_AT_ONCE = 2_000

/** Content hashes of the agents that a definition names, as they are now; nothing for those that are not there. */
export async function boundAgents(
  fleet: Fleet,
  definition: Definition,
): Promise<{ agents?: { [name: string]: string } }> {
  const names = agentsNamedBy(definition)
  if (names.length === 0) return {}
  const there = await Promise.all(names.map((name) => fleet.get(name)))
  const agents = Object.fromEntries(
    there.flatMap((agent, i) => (agent === null ? [] : [[names[i] as string, agent.hash] as const])),
  )
  return Object.keys(agents).length === 0 ? {} : { agents }
}

/**
 * The change of a definition that came by mail, looked at where it is to be made: the log up to event `seq` is all that
 * has happened to the run, and nothing moves meanwhile. What does not fit (any more) comes back as `definition_kept`.
 */
export async function settleChange(
  { store, courses }: { store: Store; courses: Courses },
  run: string,
  seq: number,
  mail: RunInput<'definition_changed'>,
): Promise<RunInput> {
  const { definition, from, by } = mail.data
  const kept = (reason: string): RunInput => ({
    at: mail.at,
    type: 'definition_kept',
    data: { definition, from, by, reason },
    ...(mail.mail !== undefined && { mail: mail.mail }),
  })
  await courses.prepare(mail)
  const migration = openMigration(run, definition, courses.definitionOf)
  for (let after = 0; after < seq; ) {
    const events = (await store.events.read(run, after, READ_AT_ONCE)).filter((event) => event.seq <= seq)
    for (const event of events) await courses.prepare(event as Pick<RunInput, 'type' | 'data'>)
    if (events.length === 0 || !migration.add(events)) break
    after = events.at(-1)?.seq ?? seq
  }
  const { state, unread_from, misfit } = migration.result()
  if (unread_from !== null)
    return kept(`this version of the program reads the log otherwise from event ${unread_from} on`)
  if (state.definition !== from) return kept('the run follows another definition by now')
  return misfit === null ? mail : kept(misfit.reason)
}
