/** The end of a form in a dialog: what was wrong, the button that sends it, the one that leaves it. */
import { Fault } from './states.tsx'

export function FormEnd({
  action,
  error = action.error,
  ready = true,
  does,
  doing,
  onCancel,
}: {
  action: { isPending: boolean; error: Error | null }
  /** What is wrong before it was sent, or else what the server said. */
  error?: Error | null
  /** Whether it can be sent. */
  ready?: boolean
  does: string
  doing: string
  onCancel: () => void
}) {
  return (
    <>
      {error && <Fault error={error} />}
      <div className="row">
        <button type="submit" className="button primary" disabled={action.isPending || !ready}>
          {action.isPending ? doing : does}
        </button>
        <button type="button" className="button" onClick={onCancel}>
          Cancel
        </button>
      </div>
    </>
  )
}
