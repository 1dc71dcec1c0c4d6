/** What can be made of a run besides watching it: a fork with other inputs, a template, a replay, a file. */
import { useMutation } from '@tanstack/react-query'
import { useNavigate } from '@tanstack/react-router'
import { useState } from 'react'
import { ActionButton, useAction } from '../parts/action.tsx'
import { Dialog } from '../parts/dialog.tsx'
import { Fault } from '../parts/states.tsx'
import { Status } from '../parts/status.tsx'
import { count } from '../parts/time.tsx'
import { asText, isReference } from '../parts/value.tsx'
import { call, type Input } from '../server/client.ts'
import type { Log, Run } from '../server/queries.ts'

export function RunMore({ run, log, onClose }: { run: Run; log: Log | undefined; onClose: () => void }) {
  return (
    <Dialog title="More with this run" onClose={onClose}>
      <Fork run={run} onClose={onClose} />
      <SaveAsTemplate run={run} onClose={onClose} />
      <Replay run={run} />
      {log && (
        <section className="stack tight">
          <h3>Download</h3>
          <div className="row wrap">
            <button type="button" className="button" onClick={() => download(run, log)}>
              Its events as JSON
            </button>
            <span className="muted small">
              {count(log.events.length)} events{log.more && '; later ones are left out'}
            </span>
          </div>
        </section>
      )}
    </Dialog>
  )
}

/** Inputs that are too large to be edited here stay as they are. */
const editable = (run: Run) => Object.fromEntries(Object.entries(run.inputs).filter(([, value]) => !isReference(value)))

function Fork({ run, onClose }: { run: Run; onClose: () => void }) {
  const navigate = useNavigate()
  const [text, setText] = useState(() => asText(editable(run)))
  const [from, setFrom] = useState(run.stages[0]?.id ?? '')
  const [wrong, setWrong] = useState<Error | null>(null)
  const fork = useAction('fork_run', ({ run_id }) => {
    onClose()
    return navigate({ to: '/console/runs/$id', params: { id: run_id } })
  })
  const start = () => {
    try {
      const inputs = JSON.parse(text) as NonNullable<Input<'fork_run'>['inputs']>
      setWrong(null)
      fork.mutate({ id: run.id, ...(from !== '' && { before_stage: from }), inputs })
    } catch (error) {
      setWrong(new Error(`The inputs are not JSON: ${(error as Error).message}`))
    }
  }
  return (
    <section className="stack tight">
      <h3>Fork with other inputs</h3>
      <label className="field">
        <span>Before stage: what comes earlier is kept</span>
        <select className="input" value={from} onChange={(event) => setFrom(event.target.value)}>
          {run.stages.map(({ id }) => (
            <option key={id}>{id}</option>
          ))}
        </select>
      </label>
      <label className="field">
        <span>Inputs (JSON)</span>
        <textarea
          className="input code"
          spellCheck={false}
          value={text}
          onChange={(event) => setText(event.target.value)}
        />
      </label>
      <div>
        <ActionButton action={fork} onPress={start}>
          Fork
        </ActionButton>
      </div>
      {(wrong ?? fork.error) && <Fault error={wrong ?? fork.error} />}
    </section>
  )
}

function SaveAsTemplate({ run, onClose }: { run: Run; onClose: () => void }) {
  const navigate = useNavigate()
  const [name, setName] = useState('')
  const save = useAction('save_as_template', ({ hash }) => {
    onClose()
    return navigate({ to: '/console/definitions', search: { definition: hash } })
  })
  return (
    <section className="stack tight">
      <h3>Save as template</h3>
      <div className="row">
        <input
          className="input grow"
          aria-label="Name of the template"
          placeholder="Name"
          maxLength={100}
          value={name}
          onChange={(event) => setName(event.target.value)}
        />
        <ActionButton action={save} onPress={() => save.mutate({ id: run.id, name })}>
          Save
        </ActionButton>
      </div>
      {save.error && <Fault error={save.error} />}
    </section>
  )
}

function Replay({ run }: { run: Run }) {
  const replay = useMutation({ mutationFn: () => call('replay_run', { id: run.id }) })
  return (
    <section className="stack tight">
      <h3>Replay</h3>
      <div className="row wrap">
        <ActionButton action={replay} onPress={() => replay.mutate()}>
          {replay.isPending ? 'Replaying …' : 'Fold its log again'}
        </ActionButton>
        <span className="muted small" role="status">
          {replay.data === undefined ? (
            'No agent is asked; everything that follows from what happened is worked out again.'
          ) : (
            <>
              <Status
                state={replay.data.identical ? 'completed' : 'failed'}
                label={replay.data.identical ? 'identical' : 'differs'}
              />{' '}
              {count(replay.data.events)} events
              {replay.data.first_difference && `; first difference at ${replay.data.first_difference.seq}`}
            </>
          )}
        </span>
      </div>
      {replay.error && <Fault error={replay.error} />}
    </section>
  )
}

function download(run: Run, log: Log): void {
  const address = URL.createObjectURL(new Blob([JSON.stringify(log.events, null, 1)], { type: 'application/json' }))
  const link = document.createElement('a')
  link.href = address
  link.download = `${run.id}.json`
  link.click()
  URL.revokeObjectURL(address)
}
