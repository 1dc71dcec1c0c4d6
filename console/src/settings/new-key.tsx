/** Makes an API key; the key itself is seen once, here. */
import { useQuery } from '@tanstack/react-query'
import { type FormEvent, useRef, useState } from 'react'
import { useAction } from '../parts/action.tsx'
import { Dialog } from '../parts/dialog.tsx'
import { FormEnd } from '../parts/form-end.tsx'
import { Loaded } from '../parts/states.tsx'
import { exactTime } from '../parts/time.tsx'
import type { Output } from '../server/client.ts'
import { type Session, sessionQuery } from '../server/session.ts'

type Permission = Session['permissions'][number]

const means: Record<Permission, string> = {
  'runs:read': 'see runs, their events and values',
  'runs:write': 'start, steer and answer runs',
  'budgets:write': 'raise limits of runs',
  'agents:read': 'see agents and models',
  'agents:write': 'add and change agents: they can run commands',
  'definitions:read': 'see and check definitions',
  'definitions:write': 'store definitions and have them planned',
  'system:read': 'see state, metrics and configuration',
  'keys:read': 'see the list of keys',
  'keys:write': 'make and revoke keys with no more than itself',
}
const spans = [
  ['30d', '30 days'],
  ['90d', '90 days'],
  ['365d', 'a year'],
  ['', 'until it is revoked'],
] as const
const sets = { all: 'Everything', read: 'Only reading', chosen: 'Chosen one by one' } as const

export function NewKey({ onClose }: { onClose: () => void }) {
  const [made, setMade] = useState<Output<'create_key'> | null>(null)
  const session = useQuery(sessionQuery)
  return (
    <Dialog title={made === null ? 'New key' : `The key ${made.name}`} held={made !== null} onClose={onClose}>
      {made === null ? (
        <Loaded query={session}>
          {({ permissions }) => <Form may={permissions} onMade={setMade} onClose={onClose} />}
        </Loaded>
      ) : (
        <Shown made={made} onClose={onClose} />
      )}
    </Dialog>
  )
}

function Form({
  may,
  onMade,
  onClose,
}: {
  may: Permission[]
  onMade: (made: Output<'create_key'>) => void
  onClose: () => void
}) {
  const create = useAction('create_key', onMade)
  const [set, setSet] = useState<keyof typeof sets>('read')
  const [chosen, setChosen] = useState<Permission[]>([])
  const wanted = set === 'all' ? may : set === 'read' ? may.filter((one) => one.endsWith(':read')) : chosen
  const submit = (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault()
    const form = new FormData(event.currentTarget)
    const expires = String(form.get('expires') ?? '')
    create.mutate({
      name: String(form.get('name') ?? '').trim(),
      permissions: wanted,
      ...(expires !== '' && { expires_in: expires }),
    })
  }
  return (
    <form className="stack" onSubmit={submit}>
      <label className="field">
        <span>Name: who or what uses it</span>
        <input className="input" name="name" required maxLength={64} placeholder="ann, ci, grafana" data-first />
      </label>
      <fieldset className="field">
        <legend className="label">It may</legend>
        {(Object.keys(sets) as (keyof typeof sets)[]).map((one) => (
          <label key={one} className="row check">
            <input type="radio" name="set" checked={set === one} onChange={() => setSet(one)} />
            {sets[one]}
          </label>
        ))}
      </fieldset>
      {set === 'chosen' && (
        <fieldset className="field">
          <legend className="label">Permissions</legend>
          {may.map((one) => (
            <label key={one} className="row check">
              <input
                type="checkbox"
                checked={chosen.includes(one)}
                onChange={(event) =>
                  setChosen(event.target.checked ? [...chosen, one] : chosen.filter((other) => other !== one))
                }
              />
              <span>
                <code>{one}</code> <span className="muted">{means[one]}</span>
              </span>
            </label>
          ))}
        </fieldset>
      )}
      <label className="field">
        <span>Works for</span>
        <select className="input" name="expires" defaultValue="90d">
          {spans.map(([value, text]) => (
            <option key={value} value={value}>
              {text}
            </option>
          ))}
        </select>
      </label>
      <FormEnd action={create} ready={wanted.length > 0} does="Make the key" doing="Making …" onCancel={onClose} />
    </form>
  )
}

function Shown({ made, onClose }: { made: Output<'create_key'>; onClose: () => void }) {
  const [said, setSaid] = useState('')
  const field = useRef<HTMLInputElement>(null)
  const copy = async () => {
    field.current?.select()
    // Browsers give the clipboard to pages of this machine and of https only.
    const copied = await navigator.clipboard?.writeText(made.key).then(
      () => true,
      () => false,
    )
    setSaid(copied === true ? 'Copied.' : 'It is selected: copy it with the keyboard or the menu.')
  }
  return (
    <div className="stack">
      <p>
        Copy it now: it is kept nowhere and not shown again. It works{' '}
        {made.expires_at === null ? 'until it is revoked' : `until ${exactTime(made.expires_at)}`}.
      </p>
      <label className="field">
        <span>Key</span>
        <input
          ref={field}
          className="input mono"
          readOnly
          value={made.key}
          onFocus={(event) => event.target.select()}
        />
      </label>
      <div className="row">
        <button
          type="button"
          className="button primary"
          // biome-ignore lint/a11y/noAutofocus: the form that had the focus is gone
          autoFocus
          onClick={() => void copy()}
        >
          Copy
        </button>
        <button type="button" className="button" onClick={onClose}>
          Done
        </button>
        <span role="status" className="muted">
          {said}
        </span>
      </div>
      <p className="muted">
        Programs send it as <code>Authorization: Bearer …</code>, the command line takes it from{' '}
        <code>QUORATE_KEY</code>, a browser asks for it.
      </p>
    </div>
  )
}
