/** Embeddings as a server sent them, checked: one vector of finite numbers for each text. Null when they are not. */
export function vectors(sent: unknown, texts: number): number[][] | null {
  if (!Array.isArray(sent) || sent.length !== texts) return null
  const fine = sent.every((vector) => Array.isArray(vector) && vector.length > 0 && vector.every(Number.isFinite))
  return fine ? (sent as number[][]) : null
}
