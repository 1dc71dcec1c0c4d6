/** The body once for each item of a list, several side by side. An item that fails is counted, not fatal, unless all fail. */
import { bodyPrefix } from '../address.ts'
import { fanOutDenied } from '../budget.ts'
import { deny } from '../call-budget.ts'
import { stepAddress } from '../command.ts'
import type { ForEachStage } from '../definition.ts'
import { evaluateBinding } from '../expression.ts'
import { lookupFrom } from '../lookup.ts'
import { openScope } from '../places.ts'
import { KEPT_OUTPUTS } from '../run-state.ts'
import { callOff, completeStage, failStage, scopeOutput, startScope } from '../scope.ts'
import type { Place, StageBehaviour, Turn } from '../turn.ts'
import { type BlobRef, isBlobRef, type Value } from '../value.ts'

const DEFAULT_PARALLEL = 8

const lengthOf = (list: Value[] | BlobRef): number => (Array.isArray(list) ? list.length : (list.count ?? 0))

function startItems(turn: Turn, place: Place<ForEachStage>): void {
  const state = turn.stageState(place)
  const list = state.list ?? []
  const length = lengthOf(list)
  state.items ??= {}
  let running = Object.keys(state.items).length
  while (running < (place.stage.parallel ?? DEFAULT_PARALLEL) && (state.next_item ?? 0) < length) {
    const index = state.next_item ?? 0
    const read = Array.isArray(list) ? { from: 0, items: list } : (state.window ?? { from: 0, items: [] })
    if (index >= read.from + read.items.length) return readOn(turn, place, list as BlobRef, index)
    state.next_item = index + 1
    const scope = openScope(place.stage.stages, { index, item: read.items[index - read.from] ?? null })
    state.items[index] = scope
    running++
    startScope(turn, scope, place.stage.stages, bodyPrefix(place.address, index), place)
  }
}

/** A list that is held by reference is read part by part, so that state and events stay small. */
function readOn(turn: Turn, place: Place<ForEachStage>, list: BlobRef, from: number): void {
  const step = { do: 'read_items', stage: place.address, list, from } as const
  if (turn.state.steps[stepAddress(step)] !== true) turn.ask(step)
}

export const forEachBehaviour: StageBehaviour<'for_each'> = {
  start(turn, place) {
    const list = evaluateBinding(place.stage.items, lookupFrom(turn, place))
    if (!list.ok) return failStage(turn, place, `items: ${list.failure.message}`)
    const items = list.value
    if (!Array.isArray(items) && !(isBlobRef(items) && items.count !== undefined))
      return failStage(turn, place, `items: ${place.stage.items} is no list`)
    const length = lengthOf(items)
    if (length > place.stage.max)
      return failStage(turn, place, `items: the list has ${length} items, at most ${place.stage.max} are allowed`)
    const wide = fanOutDenied(turn, length)
    if (wide !== null) return failStage(turn, place, deny(turn, place.address, wide))
    const state = turn.stageState(place)
    if (length === 0) return completeStage(turn, place, [], null, 'the list is empty')
    Object.assign(state, { list: items, next_item: 0, open: length, item_failures: 0, outs: {} })
    startItems(turn, place)
  },

  itemsRead(turn, place, { from, items, failure }) {
    if (items.length === 0) {
      callOff(turn, place.address)
      return failStage(turn, place, `items: the list cannot be read on: ${failure?.message ?? 'it ends early'}`)
    }
    turn.stageState(place).window = { from, items }
    startItems(turn, place)
  },

  bodyEnded(turn, place, body, failure) {
    const state = turn.stageState(place)
    const index = body.index ?? 0
    if (state.items?.[index] === undefined) return
    delete state.items[index]
    state.open = (state.open ?? 1) - 1
    if (failure === null)
      state.outs = Object.assign(state.outs ?? {}, { [index]: scopeOutput(body, place.stage.stages) })
    else state.item_failures = (state.item_failures ?? 0) + 1
    if (state.open > 0) return startItems(turn, place)
    const n = lengthOf(state.list ?? [])
    const failed = state.item_failures ?? 0
    if (failed === n) return failStage(turn, place, `all ${n} items failed (last: ${failure ?? ''})`)
    const outputs = Object.entries(state.outs ?? {}).map(([task, output]) => ({ task, output }))
    turn.ask({
      do: 'collect',
      stage: place.address,
      outputs,
      started_at: state.started_at,
      n,
      succeeded: n - failed,
      failed,
      tokens: null,
    })
  },

  collected(turn, place, output, metrics) {
    const state = turn.stageState(place)
    if (Object.keys(state.outs ?? {}).length > KEPT_OUTPUTS) delete state.outs
    completeStage(turn, place, output as Value, metrics)
  },
}
