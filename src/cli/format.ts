/** Text for terminals: columns, numbers, spans of time. Pure. */
import { stripVTControlCharacters, styleText } from 'node:util'

export type Style = 'bold' | 'dim' | 'red' | 'green' | 'yellow' | 'cyan'
export type Paint = (style: Style, text: string) => string

export const plainPaint: Paint = (_, text) => text
export const colourPaint: Paint = (style, text) =>
  text === '' ? '' : styleText(style, text, { validateStream: false })

/**
 * Text of agents, models and servers before it reaches a terminal: without control characters, which could move the
 * cursor, recolour or retitle the window. Line breaks and tabs stay.
 */
export const clean = (text: string): string =>
  stripVTControlCharacters(text)
    .replace(/\r\n?/g, '\n')
    // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is removed
    .replace(/[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069]/g, '')

/** On one line. */
export const oneLine = (text: string): string => clean(text).replace(/\s+/g, ' ').trim()

const wide =
  /[\u1100-\u115f\u2e80-\u303e\u3041-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6]|\p{Emoji_Presentation}/u
const zero = /^[\p{Mn}\p{Me}\p{Cf}]$/u

/** Columns that a text takes on a terminal; colours take none. */
export function columns(text: string): number {
  let n = 0
  for (const character of stripVTControlCharacters(text)) n += zero.test(character) ? 0 : wide.test(character) ? 2 : 1
  return n
}

/** Cut to so many columns, with … where something is missing. The text must carry no colours. */
export function fit(text: string, width: number): string {
  if (columns(text) <= width) return text
  let cut = ''
  let n = 0
  for (const character of text) {
    n += columns(character)
    if (n > width - 1) break
    cut += character
  }
  return width < 1 ? '' : `${cut}…`
}

const pad = (text: string, width: number): string => text + ' '.repeat(Math.max(0, width - columns(text)))

export type Column = {
  title: string
  align?: 'right'
  /** Takes the width that is left over, and is cut when there is too little; one in a table. */
  flexible?: boolean
  style?: (cell: string) => Style | null
}

/** Lines of a table; cells are cleaned and on one line. Empty columns are left out. */
export function table(all: Column[], rows: string[][], { width, paint }: { width: number; paint: Paint }): string[] {
  const cleaned = rows.map((row) => row.map(oneLine))
  const shown = all.map((_, i) => i).filter((i) => cleaned.some((row) => (row[i] ?? '') !== ''))
  const widths = shown.map((i) =>
    Math.max(columns(all[i]?.title ?? ''), ...cleaned.map((row) => columns(row[i] ?? ''))),
  )
  const over = widths.reduce((sum, n) => sum + n + 2, -2) - width
  const flexible = shown.findIndex((i) => all[i]?.flexible)
  if (over > 0 && flexible >= 0) widths[flexible] = Math.max(8, (widths[flexible] ?? 0) - over)
  const line = (cells: (i: number) => string, style: (i: number, cell: string) => Style | null) =>
    shown
      .map((i, at) => {
        const w = widths[at] ?? 0
        const text = fit(cells(i), w)
        const padded =
          all[i]?.align === 'right'
            ? ' '.repeat(w - columns(text)) + text
            : at === shown.length - 1
              ? text
              : pad(text, w)
        const how = style(i, text)
        return how ? paint(how, padded) : padded
      })
      .join('  ')
      .trimEnd()
  return [
    line(
      (i) => all[i]?.title ?? '',
      () => 'dim',
    ),
    ...cleaned.map((row) =>
      line(
        (i) => row[i] ?? '',
        (i, cell) => all[i]?.style?.(cell) ?? null,
      ),
    ),
  ]
}

/** Breaks text into lines of at most `width` columns at blanks; words that are longer stay whole. */
export function wrap(text: string, width: number, indent = ''): string[] {
  return clean(text)
    .split('\n')
    .flatMap((paragraph) => {
      const lines: string[] = []
      let line = ''
      for (const word of paragraph.split(/ +/)) {
        if (line !== '' && columns(line) + 1 + columns(word) > width - indent.length) {
          lines.push(line)
          line = word
        } else line = line === '' ? word : `${line} ${word}`
      }
      return [...lines, line].map((each) => (each === '' ? '' : indent + each))
    })
}

/** 830 → `0.8 s`, 72000 → `1 min 12 s`; for people, so at most two units. */
export function span(ms: number): string {
  if (ms < 10_000) return `${(Math.max(0, ms) / 1_000).toFixed(1)} s`
  const s = Math.round(ms / 1_000)
  if (s < 60) return `${s} s`
  if (s < 3_600) return `${Math.floor(s / 60)} min ${s % 60} s`
  if (s < 86_400) return `${Math.floor(s / 3_600)} h ${Math.floor((s % 3_600) / 60)} min`
  return `${Math.floor(s / 86_400)} d ${Math.floor((s % 86_400) / 3_600)} h`
}

/** 1234 → `1.2k`. */
export function count(n: number): string {
  if (n < 1_000) return String(n)
  if (n < 1_000_000) return `${(n / 1_000).toFixed(n < 10_000 ? 1 : 0)}k`
  return `${(n / 1_000_000).toFixed(1)}M`
}

/** Bytes: `1.2 GB`. */
export function size(bytes: number): string {
  if (bytes >= 1e9) return `${(bytes / 1e9).toFixed(1)} GB`
  if (bytes >= 1e6) return `${Math.round(bytes / 1e6)} MB`
  return bytes >= 1e3 ? `${Math.round(bytes / 1e3)} kB` : `${bytes} B`
}

/** Tokens, where some calls did not report any: `1.2k+?`, or `?` when none did. */
export const tokens = (reported: number, unknown: number): string =>
  unknown === 0 ? count(reported) : reported === 0 ? '?' : `${count(reported)}+?`

const states: Record<string, Style> = {
  completed: 'green',
  ok: 'green',
  idle: 'green',
  healthy: 'green',
  running: 'cyan',
  planning: 'cyan',
  busy: 'cyan',
  partial: 'yellow',
  waiting: 'yellow',
  paused: 'yellow',
  asking: 'yellow',
  degraded: 'yellow',
  draining: 'yellow',
  warning: 'yellow',
  failed: 'red',
  error: 'red',
  offline: 'red',
  broken: 'red',
  cancelled: 'red',
  queued: 'dim',
  skipped: 'dim',
  retired: 'dim',
  info: 'dim',
}
export const stateStyle = (state: string): Style | null => states[state] ?? null
export const painted = (paint: Paint, state: string): string => {
  const style = stateStyle(state)
  return style ? paint(style, state) : state
}
