/** Moments of terminals → one animated SVG: no script, no font, no request. Pure. */
import type { Span } from './terminal-text.ts'

export type Pane = { title: string; rows: number }
/** What all panes show at a moment, in milliseconds since the beginning. */
export type Moment = { at: number; panes: Span[][][] }
export type Film = {
  title: string
  /** Read aloud, and by whoever sees no pictures. */
  description: string
  columns: number
  panes: Pane[]
  moments: Moment[]
  /** How many times faster than it was. */
  speed: number
  /** How long the last moment stays, in milliseconds of the film. */
  pause: number
}

const CELL = 7.8
const LINE = 18
const EDGE = 12
/** No change within this time is shown on its own, in milliseconds of the film. */
const SHORTEST = 250

const colours: { [code: string]: string } = {
  '1': 'b',
  '2': 'd',
  '31': 'r',
  '32': 'g',
  '33': 'y',
  '34': 'u',
  '36': 'c',
  '90': 'd',
}
const css = `text{font:13px ui-monospace,SFMono-Regular,Menlo,Consolas,'DejaVu Sans Mono',monospace;fill:#d6dbe3;white-space:pre}
.b{font-weight:bold}.d{fill:#8a93a3}.r{fill:#ff8080}.g{fill:#7fd992}.y{fill:#f0c674}.u{fill:#8ab4ff}.c{fill:#6fd3e0}`

const escaped = (text: string): string => text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;')
const clock = (ms: number): string =>
  `${Math.floor(ms / 60_000)}:${String(Math.floor(ms / 1_000) % 60).padStart(2, '0')}`

function rowText(spans: Span[]): string {
  let column = 0
  return spans
    .map(({ text, style }) => {
      const length = [...text].length
      const at = column
      column += length
      if (text.trim() === '') return ''
      const name = style
        .split(';')
        .flatMap((code) => colours[code] ?? [])
        .join(' ')
      const x = (EDGE + at * CELL).toFixed(1)
      return `<text x="${x}" textLength="${(length * CELL).toFixed(1)}"${name === '' ? '' : ` class="${name}"`}>${escaped(text)}</text>`
    })
    .join('')
}

/** Moments that differ from the one before, and none shorter than the eye can follow; the last one always. */
function thinned(moments: Moment[], speed: number): Moment[] {
  const kept: Moment[] = []
  for (const moment of moments) {
    const last = kept.at(-1)
    if (last && JSON.stringify(last.panes) === JSON.stringify(moment.panes)) continue
    if (last && (moment.at - last.at) / speed < SHORTEST) kept[kept.length - 1] = { ...moment, at: last.at }
    else kept.push(moment)
  }
  return kept
}

export function terminalSvg(film: Film): string {
  const moments = thinned(film.moments, film.speed)
  const end = film.moments.at(-1)?.at ?? 0
  const total = end / film.speed + film.pause
  const width = Math.ceil(EDGE * 2 + film.columns * CELL)
  const tops: number[] = []
  let height = 34
  for (const pane of film.panes) {
    tops.push(height)
    height += 26 + pane.rows * LINE + EDGE
  }
  const rows = new Map<string, number>()
  const used = (text: string, y: number): string => {
    if (text === '') return ''
    const number = rows.get(text) ?? rows.size
    rows.set(text, number)
    return `<use href="#r${number}" y="${y}"/>`
  }
  const frames = moments.map(({ at, panes }, index) => {
    const lines = panes.flatMap((shown, pane) =>
      shown.map((spans, row) => used(rowText(spans), (tops[pane] ?? 0) + 26 + (row + 1) * LINE - 5)),
    )
    const time = `<text x="${width - EDGE}" y="22" class="d" text-anchor="end">${clock(at)}</text>`
    return `<g transform="translate(0 ${index * height})">${time}${lines.join('')}</g>`
  })
  const keys = moments.map(
    ({ at }, index) => `${((at / film.speed / total) * 100).toFixed(2)}%{transform:translateY(${-index * height}px)}`,
  )
  const last = -(moments.length - 1) * height
  const boxes = film.panes.map(
    ({ title, rows: count }, pane) =>
      `<rect x="6" y="${tops[pane]}" width="${width - 12}" height="${26 + count * LINE + 4}" rx="6" fill="#171b22"/>` +
      `<text x="${EDGE}" y="${(tops[pane] ?? 0) + 18}" class="d">${escaped(title)}</text>`,
  )
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" role="img" aria-labelledby="t d">
<title id="t">${escaped(film.title)}</title>
<desc id="d">${escaped(film.description)}</desc>
<style>${css}
#film{transform:translateY(${last}px);animation:film ${(total / 1_000).toFixed(1)}s step-end infinite}
@keyframes film{${keys.join('')}100%{transform:translateY(${last}px)}}
@media (prefers-reduced-motion:reduce){#film{animation:none}}</style>
<defs>${[...rows].map(([text, number]) => `<g id="r${number}">${text}</g>`).join('\n')}</defs>
<rect width="${width}" height="${height}" rx="8" fill="#0d1015"/>
<text x="${EDGE}" y="22" class="d">${escaped(film.title)}</text>
${boxes.join('\n')}
<g id="film">${frames.join('\n')}</g>
</svg>
`
}
