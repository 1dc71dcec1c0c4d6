/** The name that is fewest edits (Levenshtein) away from a mistyped one, when it is near enough to be meant. */
export function nearestName(given: string, names: readonly string[]): string | null {
  const asked = given.slice(0, 60).toLowerCase()
  let best: { name: string; distance: number } | null = null
  for (const name of names) {
    const distance = edits(asked, name)
    if (best === null || distance < best.distance) best = { name, distance }
  }
  return best !== null && best.distance <= Math.max(1, asked.length / 3) ? best.name : null
}

function edits(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, i) => i)
  for (let i = 1; i <= a.length; i++) {
    const next = [i]
    for (let j = 1; j <= b.length; j++) {
      const replaced = (row[j - 1] as number) + (a[i - 1] === b[j - 1] ? 0 : 1)
      next[j] = Math.min(replaced, (row[j] as number) + 1, (next[j - 1] as number) + 1)
    }
    row = next
  }
  return row[b.length] as number
}
