/** A modal window: the browser's own, which keeps the focus inside, gives it back, and closes on Escape. */
import { type ReactNode, useEffect, useId, useRef } from 'react'

export function Dialog({
  title,
  className,
  bare = false,
  held = false,
  onClose,
  children,
}: {
  title: string
  className?: string
  bare?: boolean
  /** Stays until its own button is pressed: a slip would lose what it shows. */
  held?: boolean
  onClose: () => void
  children: ReactNode
}) {
  const ref = useRef<HTMLDialogElement>(null)
  const heading = useId()
  useEffect(() => {
    const dialog = ref.current
    dialog?.showModal()
    // React's autoFocus comes too early: what is not shown yet cannot have the focus.
    dialog?.querySelector<HTMLElement>('[data-first]')?.focus()
    return () => dialog?.close()
  }, [])
  return (
    // biome-ignore lint/a11y/useKeyWithClickEvents: Escape closes it as well; the click is the mouse's way
    <dialog
      ref={ref}
      className={className}
      aria-labelledby={bare ? undefined : heading}
      aria-label={bare ? title : undefined}
      onCancel={(event) => {
        event.preventDefault()
        if (!held) onClose()
      }}
      onClick={(event) => event.target === ref.current && !held && onClose()}
    >
      {!bare && (
        <div className="dialog-head">
          <h2 id={heading}>{title}</h2>
          {!held && (
            <button type="button" className="button plain" onClick={onClose} aria-label="Close">
              ✕
            </button>
          )}
        </div>
      )}
      {bare ? children : <div className="dialog-body">{children}</div>}
    </dialog>
  )
}
