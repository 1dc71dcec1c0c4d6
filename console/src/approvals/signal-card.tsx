/** A run waits for a signal: usually of another program, but a person may send it too. */
import { useState } from 'react'
import { ActionButton, useAction } from '../parts/action.tsx'
import { Fault } from '../parts/states.tsx'
import { Status } from '../parts/status.tsx'
import { exactTime, When } from '../parts/time.tsx'
import type { Input } from '../server/client.ts'

export function SignalCard({
  run,
  stage,
  signal,
  due,
}: {
  run: { id: string }
  stage: string
  signal: string
  due: number
}) {
  const [text, setText] = useState('')
  const [wrong, setWrong] = useState<Error | null>(null)
  const send = useAction('signal_run')
  const give = () => {
    let data: Input<'signal_run'>['data'] = null
    try {
      if (text.trim() !== '') data = JSON.parse(text)
      setWrong(null)
    } catch (error) {
      setWrong(new Error(`The value is not JSON: ${(error as Error).message}. Text stands in quotes.`))
      return
    }
    send.mutate({ id: run.id, name: signal, data })
  }
  return (
    <section className="question" aria-label={`Signal ${signal} of run ${run.id.slice(-6)}`}>
      <div className="row wrap spread">
        <span className="row">
          <Status state="waiting" label="signal" />
          <span className="muted small">stage {stage}</span>
        </span>
        <span className="muted small" title={exactTime(due)}>
          ends without it <When at={due} />
        </span>
      </div>
      <p>
        It waits for the signal <code>{signal}</code>, usually sent by another program.
      </p>
      {send.isSuccess ? (
        <p role="status" className="muted">
          Sent. The run goes on in a moment.
        </p>
      ) : (
        <div className="row wrap">
          <input
            className="input grow mono"
            aria-label="Value of the signal, as JSON"
            placeholder="Value as JSON (none when empty)"
            value={text}
            maxLength={100_000}
            onChange={(event) => setText(event.target.value)}
          />
          <ActionButton action={send} onPress={give}>
            Send it
          </ActionButton>
        </div>
      )}
      {(wrong ?? send.error) && <Fault error={wrong ?? send.error} />}
    </section>
  )
}
