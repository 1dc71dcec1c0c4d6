/**
 * A histogram of durations on a logarithmic scale, so that any two of them can be added and a quantile read from the
 * sum. Ten bins for each power of ten: a quantile read from it is off by at most 13 % (half a bin on either side of the
 * geometric middle), whatever the durations are.
 */
const BINS_PER_DECADE = 10
/** About 28 hours and above. */
export const LAST_BIN = 81

/** Bin of a duration in ms: 0 below 1 ms, else 1 + ⌊10 · log10(ms)⌋, at most {@link LAST_BIN}. */
export const binOf = (ms: number): number =>
  ms >= 1 ? Math.min(LAST_BIN, 1 + Math.floor(BINS_PER_DECADE * Math.log10(ms) + 1e-9)) : 0

/** The duration in ms that stands for all of a bin: its geometric middle. */
const middle = (bin: number): number => (bin === 0 ? 0.5 : 10 ** ((bin - 0.5) / BINS_PER_DECADE))

/**
 * The q-quantile in ms (nearest rank) of the durations counted in `bins` (bin → count). Null below `needs` durations:
 * a p95 of four values is the largest of them.
 */
export function binnedQuantile(bins: ReadonlyMap<number, number>, q: number, needs: number): number | null {
  let n = 0
  for (const count of bins.values()) n += count
  if (n < Math.max(1, needs)) return null
  const rank = Math.max(1, Math.ceil(q * n))
  let seen = 0
  for (const bin of [...bins.keys()].sort((a, b) => a - b)) {
    seen += bins.get(bin) ?? 0
    if (seen >= rank) return Math.round(middle(bin))
  }
  return null
}
