/** Who is answered, and the API keys: make one, see when each was used, end one. */
import { useQuery } from '@tanstack/react-query'
import { useState } from 'react'
import { ActionButton, useAction } from '../parts/action.tsx'
import { Confirm } from '../parts/confirm.tsx'
import { Empty, Fault, Loaded } from '../parts/states.tsx'
import { Status } from '../parts/status.tsx'
import { When } from '../parts/time.tsx'
import { type ApiKey, configurationQuery, keysQuery } from '../server/queries.ts'
import { sessionQuery } from '../server/session.ts'
import { NewKey } from './new-key.tsx'

export function Keys() {
  const [revoked, setRevoked] = useState(false)
  const [making, setMaking] = useState(false)
  const keys = useQuery(keysQuery(revoked))
  return (
    <>
      <Access />
      <section className="panel" aria-label="API keys">
        <header>
          <h2>API keys</h2>
          <span className="row">
            <label className="row">
              <input type="checkbox" checked={revoked} onChange={(event) => setRevoked(event.target.checked)} />
              Revoked too
            </label>
            <button type="button" className="button primary" onClick={() => setMaking(true)}>
              New key
            </button>
          </span>
        </header>
        <Loaded query={keys} lines={3}>
          {({ items }) =>
            items.length === 0 ? (
              <Empty title="There are no keys">
                <p>
                  A key lets one program or person use this Quorate from elsewhere, with the permissions that you
                  choose. Its name stands in the events of every run as the one who did it.
                </p>
                <button type="button" className="button primary" onClick={() => setMaking(true)}>
                  Make the first key
                </button>
              </Empty>
            ) : (
              <ul className="rows" aria-label="Keys">
                {items.map((key) => (
                  <KeyRow key={key.id} apiKey={key} />
                ))}
              </ul>
            )
          }
        </Loaded>
      </section>
      {making && <NewKey onClose={() => setMaking(false)} />}
    </>
  )
}

function KeyRow({ apiKey }: { apiKey: ApiKey }) {
  const { name, prefix, state, created_by, created_at, expires_at, last_used_at, revoked_at, revoked_by } = apiKey
  const revoke = useAction('revoke_key')
  const session = useQuery(sessionQuery)
  const [asking, setAsking] = useState(false)
  const own = session.data?.authentication === 'keys' && session.data.name === name && state === 'in_force'
  return (
    <li className="body-pad key-row">
      <div className="stack tight grow">
        <span className="row wrap">
          <strong className="break">{name}</strong>
          <code className="muted">{prefix}…</code>
          {state !== 'in_force' && <Status state={state === 'expired' ? 'warning' : 'cancelled'} label={state} />}
          {own && <span className="tag">you</span>}
        </span>
        <span className="row wrap">
          {(session.data?.permissions.length === apiKey.permissions.length && session.data.permissions.length > 1
            ? [session.data.authentication === 'off' ? 'everything' : 'all that you may']
            : apiKey.permissions
          ).map((one) => (
            <span key={one} className="tag">
              {one}
            </span>
          ))}
        </span>
        <span className="muted small">
          made <When at={created_at} /> by {created_by},{' '}
          {last_used_at === null ? (
            'never used'
          ) : (
            <>
              last used <When at={last_used_at} />
            </>
          )}
          {expires_at !== null && revoked_at === null && (
            <>
              , {state === 'expired' ? 'expired' : 'expires'} <When at={expires_at} />
            </>
          )}
          {revoked_at !== null && (
            <>
              , revoked <When at={revoked_at} /> by {revoked_by}
            </>
          )}
        </span>
        {revoke.error && <Fault error={revoke.error} />}
      </div>
      {state !== 'revoked' && (
        <ActionButton action={revoke} tone="danger" onPress={() => setAsking(true)}>
          Revoke<span className="sr"> {name}</span>
        </ActionButton>
      )}
      {asking && (
        <Confirm
          title={`Revoke ${name}?`}
          action={revoke}
          does="Revoke"
          onConfirm={() => revoke.mutate({ key: apiKey.id })}
          onClose={() => setAsking(false)}
        >
          Whatever uses it is refused from now on, and this cannot be undone. Runs that it started go on.
          {own && ' It is the key that you are signed in with: you are signed out.'}
        </Confirm>
      )}
    </li>
  )
}

function Access() {
  const configuration = useQuery(configurationQuery)
  return (
    <section className="panel" aria-label="Access">
      <header>
        <h2>Who is answered</h2>
      </header>
      <div className="body stack">
        <Loaded query={configuration} lines={2}>
          {({ values }) => (
            <dl className="facts">
              <dt>Listens on</dt>
              <dd className="mono">
                {String(values.host)}:{String(values.port)}
              </dd>
              <dt>Answers</dt>
              <dd>
                {values.authentication === 'keys'
                  ? 'Those who show an API key. Pages of other sites are refused.'
                  : 'Programs and people of this machine, without a key. Pages of other sites and unknown names are refused.'}
              </dd>
              {values.authentication !== 'keys' && (
                <>
                  <dt>Others</dt>
                  <dd>
                    Make a key below, then start with <code>authentication: keys</code> and a <code>host</code> that
                    others reach.
                  </dd>
                </>
              )}
            </dl>
          )}
        </Loaded>
      </div>
    </section>
  )
}
