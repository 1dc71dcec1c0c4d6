/** Finding what somebody meant: names that are close to a mistyped one. */

/**
 * Edits (insert, delete, replace, swap of neighbours) from one text to another, or `limit + 1` when there are more.
 * Optimal string alignment distance (Damerau 1964, in the form of Wagner and Fischer 1974).
 */
export function editDistance(a: string, b: string, limit: number): number {
  if (Math.abs(a.length - b.length) > limit) return limit + 1
  let beforeLast: number[] = []
  let last = Array.from({ length: b.length + 1 }, (_, j) => j)
  for (let i = 1; i <= a.length; i++) {
    const row = [i]
    let best = i
    for (let j = 1; j <= b.length; j++) {
      const same = a[i - 1] === b[j - 1]
      let cost = Math.min((last[j] as number) + 1, (row[j - 1] as number) + 1, (last[j - 1] as number) + (same ? 0 : 1))
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1])
        cost = Math.min(cost, (beforeLast[j - 2] as number) + 1)
      row.push(cost)
      if (cost < best) best = cost
    }
    if (best > limit) return limit + 1
    beforeLast = last
    last = row
  }
  return last[b.length] as number
}

/** Names that are close enough to be what was meant, nearest first, at most `most`. */
export function nearest(name: string, names: Iterable<string>, most = 3): string[] {
  const wanted = name.slice(0, 100).toLowerCase()
  const limit = wanted.length <= 3 ? 1 : wanted.length <= 6 ? 2 : 3
  const close: { name: string; distance: number }[] = []
  for (const candidate of names) {
    const lower = candidate.toLowerCase()
    const distance =
      wanted.length > 3 &&
      (lower.startsWith(wanted) || wanted.startsWith(`${lower}_`) || wanted.startsWith(`${lower}-`))
        ? 1
        : editDistance(wanted, lower, limit)
    if (distance <= limit) close.push({ name: candidate, distance })
  }
  return close
    .sort((a, b) => a.distance - b.distance || (a.name < b.name ? -1 : 1))
    .slice(0, most)
    .map((one) => one.name)
}

/** A remedy: `Did you mean "researcher"?`, else what there is. */
export function suggestion(name: string, names: readonly string[], what: string): string {
  const close = nearest(name, names)
  if (close.length > 0) return `Did you mean ${close.map((one) => `"${one}"`).join(' or ')}?`
  if (names.length === 0) return `There is no ${what}.`
  const shown = names.slice(0, 12).join(', ')
  return `There ${names.length === 1 ? 'is' : 'are'}: ${shown}${names.length > 12 ? ` and ${names.length - 12} more` : ''}.`
}
