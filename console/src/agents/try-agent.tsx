/** One prompt to one agent, outside of any run: watched while it works, and kept with its answer. */
import { useQuery } from '@tanstack/react-query'
import { type FormEvent, useRef } from 'react'
import { ActionButton, useAction } from '../parts/action.tsx'
import { Empty, FailureText, Fault, Loaded } from '../parts/states.tsx'
import { Status } from '../parts/status.tsx'
import { count, duration, Took, tokens, When } from '../parts/time.tsx'
import { ValueView } from '../parts/value.tsx'
import { type Try, triesQuery } from '../server/queries.ts'

export function TryAgent({ agent }: { agent: string }) {
  const tries = useQuery(triesQuery(agent))
  const begin = useAction('try_agent')
  const form = useRef<HTMLFormElement>(null)
  const submit = (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault()
    const given = new FormData(event.currentTarget)
    begin.mutate({ agent, prompt: String(given.get('prompt')), timeout: String(given.get('timeout')) })
  }
  return (
    <div className="stack narrow">
      <form ref={form} className="panel" onSubmit={submit}>
        <div className="body stack">
          <label className="field">
            <span>Prompt</span>
            <textarea
              className="input"
              name="prompt"
              required
              maxLength={20_000}
              placeholder="What shall it do?"
              onKeyDown={(event) => {
                if (event.key === 'Enter' && (event.ctrlKey || event.metaKey)) form.current?.requestSubmit()
              }}
            />
          </label>
          <div className="row wrap">
            <button type="submit" className="button primary" disabled={begin.isPending}>
              Try
            </button>
            <kbd>Ctrl Enter</kbd>
            <label className="row">
              <span className="muted">within</span>
              <select className="input" name="timeout" defaultValue="2m">
                {['30s', '2m', '5m', '10m'].map((one) => (
                  <option key={one}>{one}</option>
                ))}
              </select>
            </label>
          </div>
          <p className="muted small">
            This is a real call: what the agent does outside is done, and its track record learns from it. It is kept as
            a try, and is no part of runs or of the metrics.
          </p>
          {begin.error && <Fault error={begin.error} />}
        </div>
      </form>
      <Loaded query={tries} lines={3}>
        {({ items }) =>
          items.length === 0 ? (
            <Empty title="Nothing was tried yet">
              <p>
                Give it one prompt before you put it into a workflow: you see the answer, how long it took, and what it
                cost.
              </p>
            </Empty>
          ) : (
            <ul className="stack">
              {items.map((one) => (
                <li key={one.id}>
                  <OneTry one={one} />
                </li>
              ))}
            </ul>
          )
        }
      </Loaded>
    </div>
  )
}

function OneTry({ one }: { one: Try }) {
  const cancel = useAction('cancel_try')
  return (
    <article className="panel" aria-label={`Try of ${one.prompt.slice(0, 60)}`}>
      <header>
        <span className="row">
          <Status state={one.state} />
          <span className="muted small">
            <When at={one.created_at} /> by {one.by}
          </span>
        </span>
        {one.state === 'running' ? (
          <ActionButton action={cancel} onPress={() => cancel.mutate({ id: one.id })}>
            Stop
          </ActionButton>
        ) : (
          <span className="muted small">
            {one.duration_ms === null ? '' : duration(one.duration_ms)}
            {one.model === null ? '' : `, ${one.model}`}
            {one.state === 'completed' && `, tokens ${tokens(one.input_tokens, one.output_tokens)}`}
          </span>
        )}
      </header>
      <div className="body stack">
        <p className="break muted">{one.prompt}</p>
        {one.progress !== null && (
          <p role="status" className="row">
            <Took from={one.created_at} to={null} />
            {one.progress.tokens > 0 && <span>{count(one.progress.tokens)} tokens</span>}
            <span className="muted cut">{one.progress.note}</span>
          </p>
        )}
        {one.state === 'completed' && <ValueView value={one.output} label="Answer" />}
        {one.failure !== null && (
          <div className="fault">
            <FailureText failure={one.failure} />
          </div>
        )}
        {one.state === 'interrupted' && <p className="muted">Quorate ended while it was under way.</p>}
        {cancel.error && <Fault error={cancel.error} />}
      </div>
    </article>
  )
}
