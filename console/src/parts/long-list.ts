/** A list of any length: only the rows in view are drawn, arrow keys (and j, k) move between them, more comes as one scrolls. */
import { useVirtualizer } from '@tanstack/react-virtual'
import { type KeyboardEvent, useEffect, useRef } from 'react'

/** Rows before the end at which more is fetched. */
const AHEAD = 30

/** `onKey`: what else a key does on the row that has the focus; true when it was meant. Rows carry `data-row`. */
export function useLongList({
  rows,
  height,
  more,
  fetchMore,
  onKey = () => false,
}: {
  rows: number
  height: number
  more: boolean
  fetchMore: () => void
  onKey?: (key: string, row: number) => boolean
}) {
  const scroller = useRef<HTMLDivElement>(null)
  const virtual = useVirtualizer({
    count: rows,
    getScrollElement: () => scroller.current,
    estimateSize: () => height,
    overscan: 12,
  })
  const items = virtual.getVirtualItems()
  const last = items.at(-1)?.index ?? 0
  useEffect(() => {
    if (more && last > rows - AHEAD) fetchMore()
  }, [more, last, rows, fetchMore])
  const onKeyDown = (event: KeyboardEvent) => {
    const at = Number((document.activeElement as HTMLElement | null)?.dataset.row)
    if (Number.isNaN(at) || onKey(event.key, at)) return
    const step = { ArrowDown: 1, ArrowUp: -1, j: 1, k: -1 }[event.key]
    if (step === undefined) return
    event.preventDefault()
    const next = Math.max(0, Math.min(rows - 1, at + step))
    virtual.scrollToIndex(next)
    requestAnimationFrame(() => scroller.current?.querySelector<HTMLElement>(`[data-row="${next}"]`)?.focus())
  }
  return { scroller, items, total: virtual.getTotalSize(), onKeyDown }
}
