/** What a part of the proof hands back: figures, each with the promise it has to keep, and what was not run. */

export type Figure = {
  what: string
  value: number | string | null
  unit?: string
  /** What was promised, as text; absent for a figure that is only shown. */
  promise?: string
  /** Whether the promise was kept. */
  kept?: boolean
}

export type Report = { part: string; figures: Figure[]; not_run: string[]; seed: number | null }

const MARK = 'figures '

/** The last line of a part's standard output. */
export const printReport = (report: Report): void => console.log(`${MARK}${JSON.stringify(report)}`)

export function readReport(output: string): Report | null {
  const line = output.split('\n').findLast((each) => each.startsWith(MARK))
  return line === undefined ? null : (JSON.parse(line.slice(MARK.length)) as Report)
}

/** Progress is for people and goes to standard error. */
export const progress = (text: string): void => void process.stderr.write(`  ${text}\n`)

/** Nearest rank (NIST Engineering Statistics Handbook, 7.2.6.2); null of nothing. `p` in (0, 1]. */
export function percentile(values: readonly number[], p: number): number | null {
  const sorted = [...values].sort((a, b) => a - b)
  return sorted[Math.max(0, Math.ceil(p * sorted.length) - 1)] ?? null
}

export const atMost = (what: string, value: number | null, limit: number, unit = ''): Figure => ({
  what,
  value,
  ...(unit === '' ? {} : { unit }),
  promise: `≤ ${limit}${unit === '' ? '' : ` ${unit}`}`,
  kept: value !== null && value <= limit,
})

export const atLeast = (what: string, value: number, limit: number): Figure => ({
  what,
  value,
  promise: `≥ ${limit}`,
  kept: value >= limit,
})

export const exactly = (what: string, value: number | string | null, wanted: number | string): Figure => ({
  what,
  value,
  promise: `= ${wanted}`,
  kept: value === wanted,
})
