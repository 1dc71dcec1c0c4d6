/** The frame of whatever waits for a person: what kind it is, whom it is about, until when; what is asked; the answer. */
import type { ReactNode } from 'react'
import { Fault } from '../parts/states.tsx'
import { Status } from '../parts/status.tsx'

export function Question({
  label,
  kind,
  about,
  when,
  title,
  children,
  answer,
  answered,
  error,
}: {
  label: string
  kind: string
  about: string
  when: ReactNode
  title?: string
  children: ReactNode
  /** Field and buttons. */
  answer: ReactNode
  /** What is said in their place once it was given; null before. */
  answered: string | null
  error: unknown
}) {
  return (
    <section className="question" aria-label={label}>
      <div className="row wrap spread">
        <span className="row">
          <Status state="waiting" label={kind} />
          <span className="muted small">{about}</span>
        </span>
        <span className="muted small" title={title}>
          {when}
        </span>
      </div>
      {children}
      {answered === null ? (
        <div className="row wrap">{answer}</div>
      ) : (
        <p role="status" className="muted">
          {answered} The run goes on in a moment.
        </p>
      )}
      {error !== null && <Fault error={error} />}
    </section>
  )
}

export function Comment({ value, onText }: { value: string; onText: (text: string) => void }) {
  return (
    <input
      className="input grow"
      aria-label="Comment"
      placeholder="Comment (kept with the answer)"
      value={value}
      maxLength={10_000}
      onChange={(event) => onText(event.target.value)}
    />
  )
}
