/**
 * Mean of values that come in groups (stages of a run, items of a task), with a 95 % percentile interval of the
 * bootstrap over groups: values of one group are not independent, so whole groups are drawn (Davison and Hinkley,
 * Bootstrap Methods, 3.8). Deterministic: the draws come from a fixed seed, so the same values give the same interval.
 */
export type MeanInterval = { mean: number | null; n: number; groups: number; interval: [number, number] | null }

/** Below this many groups a percentile interval is too narrow to be shown. */
export const LEAST_GROUPS = 10
const DRAWS = 2_000

export function meanInterval(groups: readonly (readonly number[])[]): MeanInterval {
  const sums = groups
    .filter((group) => group.length > 0)
    .map((group) => ({ sum: group.reduce((a, b) => a + b, 0), n: group.length }))
  const n = sums.reduce((total, group) => total + group.n, 0)
  if (n === 0) return { mean: null, n: 0, groups: 0, interval: null }
  const mean = sums.reduce((total, group) => total + group.sum, 0) / n
  if (sums.length < LEAST_GROUPS) return { mean, n, groups: sums.length, interval: null }
  const random = mulberry32(0x51_75_6f_72)
  const means = Array.from({ length: DRAWS }, () => {
    let sum = 0
    let count = 0
    for (let i = 0; i < sums.length; i++) {
      const group = sums[Math.floor(random() * sums.length)] as { sum: number; n: number }
      sum += group.sum
      count += group.n
    }
    return sum / count
  }).sort((a, b) => a - b)
  const at = (share: number) => means[Math.min(DRAWS - 1, Math.max(0, Math.round(share * (DRAWS - 1))))] as number
  return { mean, n, groups: sums.length, interval: [at(0.025), at(0.975)] }
}

/** Tommy Ettinger's mulberry32: 32 bits of state are plenty for 2,000 draws. */
function mulberry32(seed: number): () => number {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let t = Math.imul(state ^ (state >>> 15), 1 | state)
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32
  }
}
