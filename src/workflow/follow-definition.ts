/**
 * A run goes over to a newer version of its definition.
 *
 * It may, if what has happened to it would have happened just so under the newer version: the log is folded under both,
 * turn by turn (migration.ts), and every event and every command must be the same, byte for byte; at the end, the state that the change
 * makes must be the one that the newer version leads to. So a migrated run is the run that would have come about, had it
 * been started with the newer version; nothing it has done was done under other words.
 *
 * Invariants:
 *  F1. The change alone alters nothing but the definition, the defaults of new inputs, and how many stages are open: it
 *      is a function of the state and the two definitions, so replay makes it again without the log.
 *  F2. Nothing starts at a change. What the newer version would have started earlier forbids it.
 */
import type { Definition, Stage } from './definition.ts'
import type { EventData } from './event.ts'
import type { RunState, Scope } from './run-state.ts'

/** F1. The caller has made sure that the newer version fits (migration.ts). */
export function followDefinition(
  state: RunState,
  { definition: hash, from }: Pick<EventData['definition_changed'], 'definition' | 'from'>,
  definitionOf: (hash: string) => Definition,
): void {
  const [old, now] = [definitionOf(from), definitionOf(hash)]
  state.definition = hash
  const defaults = Object.entries(now.inputs ?? {}).flatMap(([name, declared]) =>
    declared.default === undefined || state.inputs[name] !== undefined ? [] : [[name, declared.default] as const],
  )
  if (defaults.length > 0) state.inputs = { ...state.inputs, ...Object.fromEntries(defaults) }
  recount(state.top, old.stages, now.stages)
}

/** Stages that have begun are in both versions; what has not is counted anew, on every level that is open. */
function recount(scope: Scope, old: readonly Stage[], now: readonly Stage[]): void {
  if (scope.open <= 0) return
  scope.open += now.length - old.length
  for (const [id, state] of Object.entries(scope.stages)) {
    const bodies = [...(state.scope === undefined ? [] : [state.scope]), ...Object.values(state.items ?? {})]
    if (state.s !== 'running' || bodies.length === 0) continue
    const [before, after] = [bodyOf(old, id), bodyOf(now, id)]
    if (before !== null && after !== null) for (const body of bodies) recount(body, before, after)
  }
}

function bodyOf(stages: readonly Stage[], id: string): readonly Stage[] | null {
  const stage = stages.find((each) => each.id === id)
  return stage?.kind === 'loop' || stage?.kind === 'for_each' ? stage.stages : null
}
