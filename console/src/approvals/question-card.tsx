/** A question that a run asks a person, with everything needed to decide, and the buttons that answer it. */
import { useState } from 'react'
import { ActionButton, useAction } from '../parts/action.tsx'
import { Fault } from '../parts/states.tsx'
import { Status } from '../parts/status.tsx'
import { exactTime, When } from '../parts/time.tsx'
import { ValueView } from '../parts/value.tsx'
import type { Run } from '../server/queries.ts'

export function ApprovalCard({
  run,
  approval,
}: {
  run: Pick<Run, 'id'> & { goal?: string | null }
  approval: Run['approvals'][number]
}) {
  const [comment, setComment] = useState('')
  const answer = useAction('answer_approval')
  const give = (decision: 'approve' | 'refuse') =>
    answer.mutate({ id: run.id, approval: approval.approval, decision, comment })
  return (
    <section className="question" aria-label={`Approval of stage ${approval.stage}${of(run)}`}>
      <div className="row wrap spread">
        <span className="row">
          <Status state="waiting" label="approval" />
          <span className="muted small">
            {approval.task === undefined ? `stage ${approval.stage}` : `task ${approval.task}`}
          </span>
        </span>
        <span className="muted small" title={exactTime(approval.due)}>
          {approval.default}s by itself <When at={approval.due} />
        </span>
      </div>
      <p className="break">{approval.question}</p>
      {isSomething(approval.show) && <ValueView value={approval.show} label="What is to be approved" />}
      {answer.isSuccess ? (
        <p role="status" className="muted">
          Answered. The run goes on in a moment.
        </p>
      ) : (
        <div className="row wrap">
          <input
            className="input grow"
            aria-label="Comment"
            placeholder="Comment (kept with the answer)"
            value={comment}
            maxLength={10_000}
            onChange={(event) => setComment(event.target.value)}
          />
          <ActionButton action={answer} tone="primary" onPress={() => give('approve')}>
            Approve
          </ActionButton>
          <ActionButton action={answer} tone="danger" onPress={() => give('refuse')}>
            Refuse
          </ActionButton>
        </div>
      )}
      {answer.error && <Fault error={answer.error} />}
    </section>
  )
}

export function EffectCard({
  run,
  effect,
}: {
  run: Pick<Run, 'id'> & { goal?: string | null }
  effect: Run['effect_questions'][number]
}) {
  const [comment, setComment] = useState('')
  const answer = useAction('resolve_effect')
  const say = (happened: boolean) => answer.mutate({ id: run.id, task: effect.task, happened, comment })
  return (
    <section className="question" aria-label={`Effect of task ${effect.task}${of(run)}`}>
      <div className="row wrap spread">
        <span className="row">
          <Status state="waiting" label="effect" />
          <span className="muted small">task {effect.task}</span>
        </span>
        <span className="muted small">
          asked <When at={effect.asked_at} />
        </span>
      </div>
      <p className="break">{effect.question}</p>
      <p className="muted small">
        Look at the destination before you answer: “It happened” goes on without doing it again; “It did not” does it
        again.
      </p>
      {answer.isSuccess ? (
        <p role="status" className="muted">
          Answered. The run goes on in a moment.
        </p>
      ) : (
        <div className="row wrap">
          <input
            className="input grow"
            aria-label="Comment"
            placeholder="Comment (kept with the answer)"
            value={comment}
            onChange={(event) => setComment(event.target.value)}
          />
          <ActionButton action={answer} onPress={() => say(true)}>
            It happened
          </ActionButton>
          <ActionButton action={answer} onPress={() => say(false)}>
            It did not
          </ActionButton>
        </div>
      )}
      {answer.error && <Fault error={answer.error} />}
    </section>
  )
}

/** Two runs may ask the same; told apart by what they are for, and by the end of their ids. */
const of = ({ id, goal }: { id: string; goal?: string | null }): string => ` of run ${goal ?? ''} ${id.slice(-6)}`

const isSomething = (value: unknown): boolean =>
  value !== null && value !== undefined && !(typeof value === 'object' && Object.keys(value).length === 0)
