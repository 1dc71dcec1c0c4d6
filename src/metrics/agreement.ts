/**
 * Agreement of outputs in [0, 1]: mean over all pairs of the cosine of their word counts (bag of words, lower case).
 * 1 = the same words, 0 = none in common. It says how alike the answers are in wording, never that they are right,
 * and texts about one question share words by nature. Null below two outputs.
 */
export function agreement(texts: readonly string[]): { value: number | null; n: number; reason?: string } {
  if (texts.length < 2) return { value: null, n: texts.length, reason: `needs 2 outputs, has ${texts.length}` }
  const vectors = texts.map(unitWordCounts)
  if (vectors.some((vector) => vector.size === 0))
    return { value: null, n: texts.length, reason: 'an output has no words' }
  // Mean pairwise cosine of unit vectors u_i is (|Σ u_i|² − n) / (n (n−1)): linear instead of quadratic in n.
  const sum = new Map<string, number>()
  for (const vector of vectors) for (const [word, weight] of vector) sum.set(word, (sum.get(word) ?? 0) + weight)
  let square = 0
  for (const weight of sum.values()) square += weight * weight
  const n = texts.length
  return { value: Math.min(1, Math.max(0, (square - n) / (n * (n - 1)))), n }
}

function unitWordCounts(text: string): Map<string, number> {
  const counts = new Map<string, number>()
  for (const word of text.toLowerCase().match(/[\p{L}\p{N}]+/gu) ?? []) counts.set(word, (counts.get(word) ?? 0) + 1)
  let square = 0
  for (const n of counts.values()) square += n * n
  const length = Math.sqrt(square)
  for (const [word, n] of counts) counts.set(word, n / length)
  return counts
}
