/** A list of any length: only the rows in view are drawn, arrow keys (and j, k) move between them, more comes as one scrolls. */
import { useVirtualizer } from '@tanstack/react-virtual'
import { type HTMLAttributes, type KeyboardEvent, type ReactNode, useEffect, useRef } from 'react'

/** Rows before the end at which more is fetched. */
const AHEAD = 30

type Handlers = Pick<HTMLAttributes<HTMLDivElement>, 'onPointerEnter' | 'onPointerOver' | 'onFocus'>

/**
 * @param height Of a row, in pixels.
 * @param row What is in a row. Its link or button carries `data-row`, the index, by which keys find it.
 * @param onKey What else a key does on the row that has the focus; true when it was meant.
 */
export function LongList<T extends { id: string }>({
  label,
  rows,
  height,
  row,
  more = false,
  fetchMore,
  onKey = () => false,
  ...handlers
}: Handlers & {
  label: string
  rows: readonly T[]
  height: number
  row: (of: T, index: number) => ReactNode
  more?: boolean
  fetchMore?: () => void
  onKey?: (key: string, of: T) => boolean
}) {
  const scroller = useRef<HTMLDivElement>(null)
  const virtual = useVirtualizer({
    count: rows.length,
    getScrollElement: () => scroller.current,
    estimateSize: () => height,
    overscan: 12,
  })
  const items = virtual.getVirtualItems()
  const last = items.at(-1)?.index ?? 0
  useEffect(() => {
    if (more && last > rows.length - AHEAD) fetchMore?.()
  }, [more, last, rows.length, fetchMore])
  const onKeyDown = (event: KeyboardEvent) => {
    const at = Number((document.activeElement as HTMLElement | null)?.dataset.row)
    const here = rows[at]
    if (here === undefined || onKey(event.key, here)) return
    const step = { ArrowDown: 1, ArrowUp: -1, j: 1, k: -1 }[event.key]
    if (step === undefined) return
    event.preventDefault()
    const next = Math.max(0, Math.min(rows.length - 1, at + step))
    virtual.scrollToIndex(next)
    requestAnimationFrame(() => scroller.current?.querySelector<HTMLElement>(`[data-row="${next}"]`)?.focus())
  }
  return (
    // biome-ignore lint/a11y/noStaticElementInteractions: arrow keys move between the links of the list
    <div ref={scroller} className="list-body" onKeyDown={onKeyDown} {...handlers}>
      <ul style={{ height: virtual.getTotalSize(), position: 'relative' }} aria-label={label}>
        {items.map((item) => {
          const of = rows[item.index] as T
          return (
            <li key={of.id} className="virtual" style={{ transform: `translateY(${item.start}px)`, height }}>
              {row(of, item.index)}
            </li>
          )
        })}
      </ul>
    </div>
  )
}
