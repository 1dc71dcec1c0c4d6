/** Swarms, newest first, and the form that starts one. */
import { useInfiniteQuery } from '@tanstack/react-query'
import { useNavigate } from '@tanstack/react-router'
import { type FormEvent, useState } from 'react'
import { useAction } from '../parts/action.tsx'
import { Dialog } from '../parts/dialog.tsx'
import { FormEnd } from '../parts/form-end.tsx'
import { Empty, Loaded } from '../parts/states.tsx'
import { runsQuery } from '../server/queries.ts'
import { SwarmRows } from './swarm-rows.tsx'

export function SwarmList() {
  const swarms = useInfiniteQuery(runsQuery({ kind: 'swarm' }))
  const [making, setMaking] = useState(false)
  const start = (
    <button type="button" className="button primary" onClick={() => setMaking(true)}>
      Start a swarm
    </button>
  )
  return (
    <main id="content" className="content whole" tabIndex={-1}>
      <div className="filters">
        <span className="muted">
          Several agents propose on their own, all vote, the votes are counted, one writes it up.
        </span>
        <span className="grow" />
        {start}
      </div>
      <Loaded query={swarms} lines={12}>
        {({ pages }) => {
          const rows = pages.flatMap((page) => page.items)
          return rows.length > 0 ? (
            <SwarmRows rows={rows} more={swarms.hasNextPage} fetchMore={() => void swarms.fetchNextPage()} />
          ) : (
            <Empty title="No swarm yet">
              <p>
                A swarm is worth its cost where one answer may be wrong and can be judged by others. You see here who
                proposed what, how each voted and why, and what stood against the verdict.
              </p>
              {start}
            </Empty>
          )
        }}
      </Loaded>
      {making && <MakeSwarm onClose={() => setMaking(false)} />}
    </main>
  )
}

function MakeSwarm({ onClose }: { onClose: () => void }) {
  const navigate = useNavigate()
  const make = useAction('create_swarm', ({ run_id }) =>
    navigate({ to: '/console/swarms/$id', params: { id: run_id } }),
  )
  const submit = (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault()
    const form = new FormData(event.currentTarget)
    make.mutate({ objective: String(form.get('objective')), agents: Number(form.get('agents')) })
  }
  return (
    <Dialog title="Start a swarm" onClose={onClose}>
      <form className="stack" onSubmit={submit}>
        <label className="field">
          <span>Objective</span>
          <textarea className="input" name="objective" required maxLength={20_000} autoFocus />
        </label>
        <label className="field">
          <span>Members (1 to 101)</span>
          <input className="input" name="agents" type="number" min={1} max={101} defaultValue={10} required />
        </label>
        <p className="muted small">Each member is one call to propose and one to vote.</p>
        <FormEnd action={make} does="Start" doing="Starting …" onCancel={onClose} />
      </form>
    </Dialog>
  )
}
