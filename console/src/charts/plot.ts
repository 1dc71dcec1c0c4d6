/** uPlot with the console's colours, sizes and times. Loaded with the first chart. */
import uPlot from 'uplot'

export const tones = ['good', 'bad', 'warn', 'busy', 'accent', 'calm', 'violet', 'teal'] as const
export type Tone = (typeof tones)[number]
export type Line = {
  name: string
  tone: Tone
  values: readonly (number | null)[]
  /** Lower or upper edge of the interval of the line before. */
  band?: 'low' | 'high'
}
export type Drawing = {
  buckets: readonly number[]
  bucket_ms: number
  lines: readonly Line[]
  /** `bars` are stacked; `lines` are not. */
  kind: 'bars' | 'lines'
  format: (value: number) => string
  /** Upper end of the scale, where it is fixed. */
  most?: number
}
export type Plot = { show: (drawing: Drawing) => void; point: (index: number) => void; close: () => void }

const HEIGHT = 168
const colour = (of: Element, name: string): string => {
  // Colours are `light-dark(…)`: the element resolves them for its theme.
  const probe = document.createElement('i')
  probe.style.color = `var(--${name})`
  of.append(probe)
  const value = getComputedStyle(probe).color
  probe.remove()
  return value
}
const faint = (value: string): string => value.replace(/^rgb\(([^)]+)\)$/, 'rgba($1, 0.16)')

const clock = new Intl.DateTimeFormat(undefined, { hour: 'numeric', minute: '2-digit' })
const day = new Intl.DateTimeFormat(undefined, { day: 'numeric', month: 'short' })
/** Midnights and steps of a day are named by their date, other moments by their time. */
const moment = (seconds: number, step: number): string => {
  const at = new Date(seconds * 1_000)
  return step >= 86_400 || (at.getHours() === 0 && at.getMinutes() === 0) ? day.format(at) : clock.format(at)
}

/** Charts that share a cursor show the same moment. */
const sync = uPlot.sync('time')

export function openPlot(host: HTMLElement, first: Drawing, onPoint: (index: number | null) => void): Plot {
  let plot: uPlot | null = null
  let drawing = first
  const width = () => Math.max(120, host.clientWidth)
  const draw = () => {
    plot?.destroy()
    plot = new uPlot(optionsOf(host, drawing, width(), onPoint), dataOf(drawing), host)
  }
  draw()
  const resized = new ResizeObserver(() => plot?.setSize({ width: width(), height: HEIGHT }))
  resized.observe(host)
  const dark = window.matchMedia('(prefers-color-scheme: dark)')
  dark.addEventListener('change', draw)
  const themed = new MutationObserver(draw)
  themed.observe(document.documentElement, { attributeFilter: ['data-theme'] })
  return {
    show(next) {
      const alike =
        next.kind === drawing.kind &&
        next.bucket_ms === drawing.bucket_ms &&
        next.lines.length === drawing.lines.length &&
        next.lines.every((line, i) => line.name === drawing.lines[i]?.name)
      drawing = next
      if (alike) plot?.setData(dataOf(drawing))
      else draw()
    },
    point(index) {
      const at = drawing.buckets[index]
      if (plot === null || at === undefined) return
      plot.setCursor({ left: plot.valToPos(at / 1_000, 'x'), top: 10 })
    },
    close() {
      resized.disconnect()
      themed.disconnect()
      dark.removeEventListener('change', draw)
      plot?.destroy()
    },
  }
}

/** Bars are stacked by adding: the last line is drawn first, as high as all of them together. */
function dataOf({ buckets, lines, kind }: Drawing): uPlot.AlignedData {
  const times = buckets.map((at) => at / 1_000)
  if (kind === 'lines') return [times, ...lines.map((line) => [...line.values])]
  let below = buckets.map(() => 0)
  const stacked = lines.map((line) => {
    below = below.map((sum, i) => sum + (line.values[i] ?? 0))
    return below
  })
  return [times, ...stacked.reverse()]
}

/** Points without a neighbour have no line through them, and would not be seen. */
const alone: uPlot.Series.Points.Filter = (u, series) => {
  const values = [...(u.data[series] ?? [])]
  return values.flatMap((value, i) => (value != null && values[i - 1] == null && values[i + 1] == null ? [i] : []))
}

function optionsOf(
  host: HTMLElement,
  drawing: Drawing,
  width: number,
  onPoint: (index: number | null) => void,
): uPlot.Options {
  const { kind, lines, format, bucket_ms, most } = drawing
  const muted = colour(host, 'muted')
  const grid = colour(host, 'line')
  const ordered = kind === 'bars' ? [...lines].reverse() : lines
  const bars = uPlot.paths.bars?.({ size: [0.72, 26], align: 1 })
  const series: uPlot.Series[] = ordered.map((line) => {
    const tone = colour(host, `chart-${line.tone}`)
    if (line.band !== undefined) return { label: line.name, stroke: 'transparent', points: { show: false } }
    return kind === 'bars'
      ? { label: line.name, fill: tone, width: 0, points: { show: false }, ...(bars && { paths: bars }) }
      : {
          label: line.name,
          stroke: tone,
          width: 1.6,
          points: { show: true, size: 4, fill: tone, width: 0, filter: alone },
        }
  })
  const bands = lines.flatMap((line, i) =>
    line.band === 'high'
      ? [{ series: [i + 1, i] as [number, number], fill: faint(colour(host, `chart-${line.tone}`)) }]
      : [],
  )
  return {
    width,
    height: HEIGHT,
    padding: [10, 20, 0, 0],
    legend: { show: false },
    cursor: { sync: { key: sync.key }, y: false, points: { size: 6 }, drag: { x: false, y: false } },
    series: [{}, ...series],
    bands,
    scales: {
      x: { range: (_, low, high) => [low, kind === 'bars' ? high + bucket_ms / 1_000 : high] },
      y: { range: (_, __, high) => [0, most ?? Math.max(1, (high ?? 1) * 1.08)] },
    },
    axes: [
      {
        values: (_, marks, __, ___, step) => marks.map((mark) => moment(mark, step)),
        space: 70,
        stroke: muted,
        grid: { show: false },
        ticks: { stroke: grid, size: 4 },
        size: 30,
        font: '11px system-ui, sans-serif',
      },
      {
        stroke: muted,
        grid: { stroke: grid, width: 1 },
        ticks: { show: false },
        border: { show: false },
        size: 52,
        splits: (_, __, low, high, step) => {
          const marks: number[] = []
          for (let at = low; at <= high; at += step) marks.push(at)
          return marks
        },
        space: 34,
        values: (_, marks) => marks.map((mark) => format(mark)),
        font: '11px system-ui, sans-serif',
      },
    ],
    hooks: { setCursor: [(u) => onPoint(u.cursor.idx ?? null)] },
  }
}
