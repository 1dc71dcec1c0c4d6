/** Asks once more before something that cannot be undone is done. */
import type { ReactNode } from 'react'
import { ActionButton } from './action.tsx'
import { Dialog } from './dialog.tsx'

export function Confirm({
  title,
  action,
  does,
  onConfirm,
  onClose,
  children,
}: {
  title: string
  action: { isPending: boolean }
  /** What the button is called that does it. */
  does: string
  onConfirm: () => void
  onClose: () => void
  /** What it means, and what stays. */
  children: ReactNode
}) {
  return (
    <Dialog title={title} onClose={onClose}>
      <p>{children}</p>
      <div className="row">
        <ActionButton
          action={action}
          tone="danger"
          onPress={() => {
            onClose()
            onConfirm()
          }}
        >
          {does}
        </ActionButton>
        <button type="button" className="button" onClick={onClose}>
          Keep it
        </button>
      </div>
    </Dialog>
  )
}
