/** From the rounds of each cell to a table and to figures with promises. */
import { type Figure, percentile } from '../../test/proof/report.ts'
import { type SystemName, systems } from './processes.ts'

/** What was seen in the rounds, or why there is nothing to see. */
export type Cell = { values: number[]; note?: string } | { absent: string }

export type Row = {
  what: string
  unit: string
  digits: number
  /** What the issue asks of Quorate, as text and as a check over the medians; null of a cell without values. */
  promise: string
  kept: (median: Record<SystemName, number | null>) => boolean
  /** What is said in a few words: who grows, or how far Quorate is from the others. */
  says: 'growth' | 'less is better' | 'more is better'
  cells: Partial<Record<SystemName, Cell>>
}

export const titles: Record<SystemName, string> = {
  quorate: 'Quorate',
  'bare-restate': 'bare Restate',
  langgraph: 'LangGraph',
  mastra: 'Mastra',
}

const medianOf = (cell: Cell | undefined): number | null =>
  cell === undefined || 'absent' in cell ? null : percentile(cell.values, 0.5)

export const mediansOf = ({ cells }: Row): Record<SystemName, number | null> =>
  Object.fromEntries(systems.map((name) => [name, medianOf(cells[name])])) as Record<SystemName, number | null>

export function cellText(cell: Cell | undefined, digits: number): string {
  if (cell === undefined) return ''
  if ('absent' in cell) return `none: ${cell.absent}`
  const shown = (value: number): string => value.toFixed(digits)
  const [least, middle, most] = [Math.min(...cell.values), medianOf(cell) ?? Number.NaN, Math.max(...cell.values)]
  const spread = cell.values.length > 1 ? ` (${shown(least)}–${shown(most)}, n=${cell.values.length})` : ' (n=1)'
  return `${shown(middle)}${spread}${cell.note === undefined ? '' : `; ${cell.note}`}`
}

/** Up to this much, cost is called flat. */
const FLAT = 1.2

function inWords(row: Row): string {
  const { quorate, ...others } = mediansOf(row)
  if (row.says === 'growth') {
    const all = Object.entries({ quorate, ...others }).filter((each): each is [SystemName, number] => each[1] !== null)
    const flat = all.filter(([, value]) => value <= FLAT).map(([name]) => titles[name])
    const grows = all.filter(([, value]) => value > FLAT).map(([name, value]) => `${titles[name]} ×${value.toFixed(1)}`)
    return [
      ...(flat.length === 0 ? [] : [`flat: ${flat.join(', ')}`]),
      ...(grows.length === 0 ? [] : [`grows: ${grows.join(', ')}`]),
    ].join('; ')
  }
  if (quorate === null) return ''
  return Object.entries(others)
    .filter((each): each is [SystemName, number] => each[1] !== null)
    .map(([name, value]) => `${(quorate / value).toFixed(2)} × ${titles[name]}`)
    .join(', ')
}

export function tableOf(rows: readonly Row[]): string {
  const names = systems.map((name) => titles[name])
  return [
    `| what | ${names.join(' | ')} | Quorate, in words | to reach |`,
    `| --- | ${names.map(() => '---').join(' | ')} | --- | --- |`,
    ...rows.map(
      (row) =>
        `| ${row.what}${row.unit === '' ? '' : `, ${row.unit}`} | ${systems
          .map((name) => cellText(row.cells[name], row.digits).replaceAll('|', '\\|'))
          .join(' | ')} | ${inWords(row)} | ${row.promise} |`,
    ),
  ].join('\n')
}

/** One figure for each cell; that of Quorate carries the promise when `judged`. */
export const figuresOf = (rows: readonly Row[], judged: boolean): Figure[] =>
  rows.flatMap((row) =>
    systems.flatMap((name): Figure[] => {
      const cell = row.cells[name]
      if (cell === undefined) return []
      return [
        {
          what: `${titles[name]}: ${row.what}${row.unit === '' ? '' : `, ${row.unit}`}`,
          value: cellText(cell, row.digits),
          ...(judged && name === 'quorate' ? { promise: row.promise, kept: row.kept(mediansOf(row)) } : {}),
        },
      ]
    }),
  )

/** A system that lost a step: named, whatever else the figures say. */
export const lossesOf = (rows: readonly Row[]): string[] =>
  rows.flatMap((row) =>
    systems.flatMap((name) => {
      const cell = row.cells[name]
      return cell !== undefined && 'absent' in cell && cell.absent.startsWith('LOST')
        ? [`${titles[name]}, ${row.what}: ${cell.absent}`]
        : []
    }),
  )
