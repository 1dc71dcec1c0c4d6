/** A run waits for a signal: usually of another program, but a person may send it too. */
import { useState } from 'react'
import { ActionButton, useAction } from '../parts/action.tsx'
import { exactTime, When } from '../parts/time.tsx'
import type { Input } from '../server/client.ts'
import { Question } from './question.tsx'

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
    <Question
      label={`Signal ${signal} of run ${run.id.slice(-6)}`}
      kind="signal"
      about={`stage ${stage}`}
      title={exactTime(due)}
      when={
        <>
          ends without it <When at={due} />
        </>
      }
      answered={send.isSuccess ? 'Sent.' : null}
      error={wrong ?? send.error}
      answer={
        <>
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
        </>
      }
    >
      <p>
        It waits for the signal <code>{signal}</code>, usually sent by another program.
      </p>
    </Question>
  )
}
