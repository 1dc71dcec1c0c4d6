/** Which names an expression at a given place can read. */
import type { Stage } from '../definition.ts'
import { agreementNames, isAgreement, isUnmeasured, unmeasured } from '../run-metrics.ts'
import type { Level } from './levels.ts'

/**
 * Where an expression stands: as its stage starts, or (without a stage) after all stages of the level, as `until` and
 * `success` do. `ownIncluded`: the stage's own result can be read too, as by a compensation.
 */
export type Place = { level: Level; stage: Stage | null; ownIncluded: boolean }

export type Name =
  | { what: 'stage'; stage: Stage; level: Level }
  | { what: 'later'; stage: Stage }
  | { what: 'inputs' | 'run' | 'agreement' | 'item' | 'index' | 'iteration' }
  | { what: 'unmeasured'; name: string }
  | { what: 'misplaced'; where: string }
  | { what: 'unknown' }

/** What a body can read besides stages. In a loop `item` is what the iteration before yielded, null in the first. */
const bodyNames = { for_each: ['item', 'index'], loop: ['item', 'iteration'] }

export function nameAt(place: Place, name: string, order: Order): Name {
  if (name === 'inputs' || name === 'run') return { what: name }
  if (isAgreement(name)) return { what: 'agreement' }
  if (isUnmeasured(name)) return { what: 'unmeasured', name }
  if (name === 'item' || name === 'index' || name === 'iteration') {
    for (let at: Level | undefined = place.level; at; at = at.outer?.level) {
      const kind = at.outer?.stage.kind
      if (kind !== undefined && bodyNames[kind].includes(name)) return { what: name }
    }
    return { what: 'misplaced', where: name === 'item' ? 'for_each or loop' : name === 'index' ? 'for_each' : 'loop' }
  }
  let from: string | null = place.stage?.id ?? null
  for (let at: Level | undefined = place.level; at; at = at.outer?.level) {
    const stage = at.graph.stages.get(name)
    if (stage) {
      const settled =
        from === null || order.isBefore(at, name, from) || (place.ownIncluded && at === place.level && name === from)
      return settled ? { what: 'stage', stage, level: at } : { what: 'later', stage }
    }
    from = at.outer?.stage.id ?? null
  }
  return { what: 'unknown' }
}

/** Names that can be read at a place, for messages: the nearest level first. */
export function namesAt(place: Place, order: Order): string[] {
  const names: string[] = []
  let from: string | null = place.stage?.id ?? null
  for (let at: Level | undefined = place.level; at; at = at.outer?.level) {
    for (const id of at.graph.order) if (from === null || order.isBefore(at, id, from)) names.push(id)
    if (at.outer) names.push(...bodyNames[at.outer.stage.kind])
    from = at.outer?.stage.id ?? null
  }
  return [...new Set([...names, 'inputs', 'run', ...agreementNames, ...Object.keys(unmeasured)])]
}

/**
 * Which stages are settled before another starts: one row of bits for each stage, filled in order, on first need.
 * 10,000 stages take 12.5 MB for a moment; a question is then one look.
 */
export class Order {
  readonly #rows = new Map<Level, { place: Map<string, number>; words: number; bits: Uint32Array }>()

  isBefore(level: Level, earlier: string, later: string): boolean {
    if (level.graph.needs.get(later)?.includes(earlier)) return true
    const { place, words, bits } = this.#rowsOf(level)
    const [row, column] = [place.get(later), place.get(earlier)]
    if (row === undefined || column === undefined || column >= row) return false
    return (((bits[row * words + (column >>> 5)] as number) >>> (column & 31)) & 1) === 1
  }

  #rowsOf(level: Level): { place: Map<string, number>; words: number; bits: Uint32Array } {
    const known = this.#rows.get(level)
    if (known) return known
    const { order, needs } = level.graph
    const place = new Map(order.map((id, at) => [id, at]))
    const words = (order.length + 31) >>> 5
    const bits = new Uint32Array(order.length * words)
    for (const [row, id] of order.entries())
      for (const need of needs.get(id) ?? []) {
        const column = place.get(need)
        if (column === undefined) continue
        const [to, from, upTo] = [row * words, column * words, (column >>> 5) + 1]
        for (let word = 0; word < upTo; word++)
          bits[to + word] = (bits[to + word] as number) | (bits[from + word] as number)
        bits[to + (column >>> 5)] = (bits[to + (column >>> 5)] as number) | (1 << (column & 31))
      }
    const made = { place, words, bits }
    this.#rows.set(level, made)
    return made
  }
}
