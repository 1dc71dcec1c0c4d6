/** From an address to the place in definition and state, and back. */
import { bodyPrefix, parseStage, stageAddress } from './address.ts'
import type { Definition, Stage } from './definition.ts'
import type { RunState, Scope } from './run-state.ts'
import type { Place } from './turn.ts'

const byId = new WeakMap<readonly Stage[], Map<string, Stage>>()

/** The stages of one level by id; remembered per array, since definitions never change. */
export function stagesById(stages: readonly Stage[]): Map<string, Stage> {
  let map = byId.get(stages)
  if (map === undefined) {
    map = new Map(stages.map((stage) => [stage.id, stage]))
    byId.set(stages, map)
  }
  return map
}

export const openScope = (stages: readonly Stage[], more: Partial<Scope> = {}): Scope => ({
  stages: {},
  open: stages.length,
  picked: {},
  failed: 0,
  ...more,
})

export function placeIn(
  scope: Scope,
  stages: readonly Stage[],
  prefix: string,
  parent: Place | null,
  id: string,
): Place | null {
  const stage = stagesById(stages).get(id)
  return stage === undefined ? null : { stage, address: stageAddress(prefix, id), scope, stages, prefix, parent }
}

/** The body of a loop's present iteration or of a for_each's item, or null when it is gone. */
export function bodyOf(place: Place, key: number): { scope: Scope; stages: readonly Stage[]; prefix: string } | null {
  const { stage } = place
  if (stage.kind !== 'loop' && stage.kind !== 'for_each') return null
  const state = place.scope.stages[stage.id]
  const scope = stage.kind === 'loop' ? (state?.iteration === key ? state.scope : undefined) : state?.items?.[key]
  return scope === undefined ? null : { scope, stages: stage.stages, prefix: bodyPrefix(place.address, key) }
}

/** Null when the address belongs to an iteration or item that is over: answers to it come too late and are dropped. */
export function findPlace(definition: Definition, state: RunState, address: string): Place | null {
  let level: { scope: Scope; stages: readonly Stage[]; prefix: string } = {
    scope: state.top,
    stages: definition.stages,
    prefix: '',
  }
  let parent: Place | null = null
  for (const segment of parseStage(address)) {
    const place = placeIn(level.scope, level.stages, level.prefix, parent, segment.id)
    if (place === null) return null
    if (segment.key === null) return place
    const body = bodyOf(place, segment.key)
    if (body === null) return null
    parent = place
    level = body
  }
  return null
}
