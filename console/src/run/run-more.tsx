/** What can be made of a run besides watching it: a template, a replay, files. */
import { useMutation } from '@tanstack/react-query'
import { useNavigate } from '@tanstack/react-router'
import { useState } from 'react'
import { ActionButton, useAction } from '../parts/action.tsx'
import { Dialog } from '../parts/dialog.tsx'
import { TextDiff } from '../parts/diff.tsx'
import { asText } from '../parts/references.ts'
import { Fault } from '../parts/states.tsx'
import { Status } from '../parts/status.tsx'
import { count } from '../parts/time.tsx'
import { hasEnded } from '../runs/run-search.ts'
import { call, type Output } from '../server/client.ts'
import type { Run } from '../server/queries.ts'
import { downloads } from './download.ts'

export function RunMore({ run, onClose }: { run: Run; onClose: () => void }) {
  return (
    <Dialog title="More with this run" onClose={onClose}>
      <SaveAsTemplate run={run} onClose={onClose} />
      <Replay run={run} />
      <Downloads run={run} />
    </Dialog>
  )
}

function SaveAsTemplate({ run, onClose }: { run: Run; onClose: () => void }) {
  const navigate = useNavigate()
  const [name, setName] = useState('')
  const [note, setNote] = useState('')
  const save = useAction('save_as_template', ({ hash }) => {
    onClose()
    return navigate({ to: '/console/definitions', search: { definition: hash } })
  })
  return (
    <form
      className="stack tight"
      onSubmit={(event) => {
        event.preventDefault()
        if (!save.isPending) save.mutate({ id: run.id, name: name.trim(), ...(note !== '' && { note }) })
      }}
    >
      <h3>Save as template</h3>
      <p className="muted small">
        Its goal and inputs become inputs with these values as defaults, so that it can be run on others.
      </p>
      <div className="row wrap">
        <input
          className="input grow"
          aria-label="Name of the template"
          placeholder="Name"
          maxLength={100}
          required
          value={name}
          onChange={(event) => setName(event.target.value)}
        />
        <input
          className="input grow"
          aria-label="What it is for"
          placeholder="What it is for"
          maxLength={2_000}
          value={note}
          onChange={(event) => setNote(event.target.value)}
        />
        <button type="submit" className="button" disabled={save.isPending || run.definition === null}>
          Save
        </button>
      </div>
      {save.error && <Fault error={save.error} />}
    </form>
  )
}

function Replay({ run }: { run: Run }) {
  const replay = useMutation({ mutationFn: () => call('replay_run', { id: run.id }) })
  return (
    <section className="stack tight" aria-label="Replay">
      <h3>Replay</h3>
      <p className="muted small">
        No agent is asked: everything that follows from what happened is worked out again and held against the log.
      </p>
      <div className="row wrap">
        <ActionButton action={replay} onPress={() => replay.mutate()}>
          {replay.isPending ? 'Replaying …' : 'Fold its log again'}
        </ActionButton>
        <span className="row" role="status">
          {replay.data && (
            <>
              <Status
                state={replay.data.identical ? 'completed' : 'failed'}
                label={replay.data.identical ? 'identical' : 'differs'}
              />
              <span className="muted small">{count(replay.data.events)} events are as they were stored</span>
            </>
          )}
        </span>
      </div>
      {replay.data && <Verdict found={replay.data} />}
      {replay.error && <Fault error={replay.error} />}
    </section>
  )
}

function Verdict({ found }: { found: Output<'replay_run'> }) {
  const at = found.first_difference
  return (
    <>
      <p className="muted small">
        State <code className="break">{found.state_hash}</code>
      </p>
      {at && (
        <>
          <p>Event {at.seq} is not what follows from those before it:</p>
          <TextDiff
            left={asText(at.stored)}
            right={asText(at.derived)}
            label="The event as stored, and as it follows"
          />
        </>
      )}
      {found.row_differences.map(({ field, stored, derived }) => (
        <p key={field}>
          <code>{field}</code>: lists show {asText(stored)}, the log says {asText(derived)}
        </p>
      ))}
    </>
  )
}

function Downloads({ run }: { run: Run }) {
  return (
    <section className="stack tight" aria-label="Download">
      <h3>Download</h3>
      <div className="row wrap">
        <DownloadButton run={run} what="events">
          Event log
        </DownloadButton>
        {hasEnded(run.status) && (
          <DownloadButton run={run} what="result">
            Result
          </DownloadButton>
        )}
        {run.definition && (
          <DownloadButton run={run} what="definition">
            Definition
          </DownloadButton>
        )}
      </div>
    </section>
  )
}

function DownloadButton({ run, what, children }: { run: Run; what: keyof typeof downloads; children: string }) {
  const load = useMutation({ mutationFn: () => downloads[what](run) })
  return (
    <>
      <ActionButton action={load} onPress={() => load.mutate()}>
        {load.isPending ? `${children} …` : children}
      </ActionButton>
      {load.error && <Fault error={load.error} />}
    </>
  )
}
