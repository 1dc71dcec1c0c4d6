/** Seeded dice: the same seed, the same throws. Mulberry32 (Tommy Ettinger, public domain). */
export type Dice = {
  /** Uniform in [0, 1). */
  roll: () => number
  chance: (p: number) => boolean
  between: (low: number, high: number) => number
  one: <T>(items: readonly T[]) => T
  /** At least one of them, in their order. */
  some: <T>(items: readonly T[]) => T[]
}

export function diceOf(seed: number): Dice {
  let a = seed >>> 0
  const roll = (): number => {
    a = (a + 0x6d2b79f5) >>> 0
    let t = a
    t = Math.imul(t ^ (t >>> 15), t | 1)
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61)
    return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296
  }
  const between = (low: number, high: number): number => low + Math.floor(roll() * (high - low + 1))
  const one = <T>(items: readonly T[]): T => items[between(0, items.length - 1)] as T
  return {
    roll,
    chance: (p) => roll() < p,
    between,
    one,
    some(items) {
      const chosen = items.filter(() => roll() < 0.4)
      return chosen.length > 0 ? chosen : [one(items)]
    },
  }
}
