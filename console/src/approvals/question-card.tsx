/** A question that a run asks a person, with everything needed to decide, and the buttons that answer it. */
import { useState } from 'react'
import { ActionButton, useAction } from '../parts/action.tsx'
import { exactTime, When } from '../parts/time.tsx'
import { ValueView } from '../parts/value.tsx'
import type { Run } from '../server/queries.ts'
import { Comment, Question } from './question.tsx'

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
    <Question
      label={`Approval of stage ${approval.stage}${of(run)}`}
      kind="approval"
      about={approval.task === undefined ? `stage ${approval.stage}` : `task ${approval.task}`}
      title={exactTime(approval.due)}
      when={
        <>
          {approval.default}s by itself <When at={approval.due} />
        </>
      }
      answered={answer.isSuccess ? 'Answered.' : null}
      error={answer.error}
      answer={
        <>
          <Comment value={comment} onText={setComment} />
          <ActionButton action={answer} tone="primary" onPress={() => give('approve')}>
            Approve
          </ActionButton>
          <ActionButton action={answer} tone="danger" onPress={() => give('refuse')}>
            Refuse
          </ActionButton>
        </>
      }
    >
      <p className="break">{approval.question}</p>
      {isSomething(approval.show) && <ValueView value={approval.show} label="What is to be approved" />}
    </Question>
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
    <Question
      label={`Effect of task ${effect.task}${of(run)}`}
      kind="effect"
      about={`task ${effect.task}`}
      when={
        <>
          asked <When at={effect.asked_at} />
        </>
      }
      answered={answer.isSuccess ? 'Answered.' : null}
      error={answer.error}
      answer={
        <>
          <Comment value={comment} onText={setComment} />
          <ActionButton action={answer} onPress={() => say(true)}>
            It happened
          </ActionButton>
          <ActionButton action={answer} onPress={() => say(false)}>
            It did not
          </ActionButton>
        </>
      }
    >
      <p className="break">{effect.question}</p>
      <p className="muted small">
        Look at the destination before you answer: “It happened” goes on without doing it again; “It did not” does it
        again.
      </p>
    </Question>
  )
}

/** Two runs may ask the same; told apart by what they are for, and by the end of their ids. */
const of = ({ id, goal }: { id: string; goal?: string | null }): string => ` of run ${goal ?? ''} ${id.slice(-6)}`

const isSomething = (value: unknown): boolean =>
  value !== null && value !== undefined && !(typeof value === 'object' && Object.keys(value).length === 0)
