/** A new run that shares the beginning of another one: from where, on which inputs, with which definition. */
import { useQuery } from '@tanstack/react-query'
import { Link, useNavigate } from '@tanstack/react-router'
import { useEffect, useState } from 'react'
import type { Definition } from '../../../src/workflow/definition.ts'
import { Workbench } from '../definitions/workbench.tsx'
import { ActionButton, useAction } from '../parts/action.tsx'
import { asText, isReference } from '../parts/references.ts'
import { runTitle } from '../parts/run-rows.tsx'
import { Empty, Fault, Loading } from '../parts/states.tsx'
import { count } from '../parts/time.tsx'
import type { Input } from '../server/client.ts'
import { definitionQuery, type Run, runQuery } from '../server/queries.ts'
import type { ForkSearch } from './run-search.ts'

type ForkInput = Input<'fork_run'>
type Edited = { [name: string]: string }

export function Fork({ id, search }: { id: string; search: ForkSearch }) {
  const run = useQuery(runQuery(id))
  const hash = run.data?.definition?.hash ?? ''
  const stored = useQuery(definitionQuery(hash))
  const [text, setText] = useState<string | null>(null)
  const definition = stored.data?.definition as Definition | undefined
  useEffect(() => {
    if (definition !== undefined)
      void import('../definitions/as-yaml.ts').then(({ asYaml }) => setText((now) => now ?? asYaml(definition)))
  }, [definition])
  const error = run.error ?? stored.error
  return (
    <main id="content" className="content whole" tabIndex={-1}>
      {error ? (
        <div className="body-pad">
          <Fault error={error} again={() => void run.refetch()} />
        </div>
      ) : run.data && run.data.definition === null ? (
        <Empty title="This run has no plan yet">
          <p>It can be forked as soon as its plan has been made.</p>
          <Link to="/console/runs/$id" params={{ id }} className="button">
            Back to the run
          </Link>
        </Empty>
      ) : run.data && definition && text !== null ? (
        <ForkForm run={run.data} definition={definition} first={text} search={search} />
      ) : (
        <Loading />
      )}
    </main>
  )
}

function ForkForm({
  run,
  definition,
  first,
  search,
}: {
  run: Run
  definition: Definition
  first: string
  search: ForkSearch
}) {
  const navigate = useNavigate()
  const [text, setText] = useState(first)
  const [inputs, setInputs] = useState<Edited>({})
  const [wrong, setWrong] = useState<Error | null>(null)
  const fork = useAction('fork_run', ({ run_id }) => navigate({ to: '/console/runs/$id', params: { id: run_id } }))
  const start = () => {
    try {
      setWrong(null)
      fork.mutate({
        id: run.id,
        ...(search.stage !== undefined ? { before_stage: search.stage } : search.at !== undefined && { at: search.at }),
        ...(text !== first && { definition: text }),
        ...(Object.keys(inputs).length > 0 && { inputs: editedInputs(run, definition, inputs) }),
      })
    } catch (error) {
      setWrong(error as Error)
    }
  }
  const problem = wrong ?? fork.error
  return (
    <>
      <div className="run-head">
        <div className="row">
          <h2 className="run-title cut">
            Fork of{' '}
            <Link to="/console/runs/$id" params={{ id: run.id }}>
              {runTitle({ ...run, definition_name: run.definition?.name ?? null })}
            </Link>
          </h2>
        </div>
        <div className="fork-form">
          <From run={run} search={search} />
          <Inputs run={run} definition={definition} edited={inputs} onEdit={setInputs} />
        </div>
        {problem && <Fault error={problem} />}
      </div>
      <Workbench text={text} onText={setText}>
        {(valid) => (
          <>
            <span className="muted small">
              {text === first ? 'the definition as it is' : 'with the edited definition, stored as a new version'}
            </span>
            <span className="grow" />
            <Link to="/console/runs/$id" params={{ id: run.id }} className="button plain">
              Discard
            </Link>
            {valid ? (
              <ActionButton action={fork} tone="primary" onPress={start}>
                {fork.isPending ? 'Forking …' : 'Fork'}
              </ActionButton>
            ) : (
              <button type="button" className="button primary" disabled>
                Fork
              </button>
            )}
          </>
        )}
      </Workbench>
    </>
  )
}

/** Where the two part, and what that means for the stages. */
function From({ run, search }: { run: Run; search: ForkSearch }) {
  const navigate = useNavigate()
  const to = (next: ForkSearch) =>
    void navigate({ to: '/console/runs/$id/fork', params: { id: run.id }, search: next, replace: true })
  const at = run.stages.findIndex(({ id }) => id === search.stage)
  const value = search.stage !== undefined ? `stage ${search.stage}` : search.at !== undefined ? 'event' : 'end'
  return (
    <label className="field">
      <span>It parts from the source</span>
      <select
        className="input"
        value={value}
        onChange={({ target }) =>
          to(
            target.value === 'end'
              ? {}
              : target.value === 'event'
                ? { at: search.at ?? run.seq }
                : { stage: target.value.slice('stage '.length) },
          )
        }
      >
        {search.at !== undefined && <option value="event">after event {search.at}</option>}
        {at === -1 && search.stage !== undefined && <option value={value}>before {search.stage}</option>}
        {run.stages.map(({ id }) => (
          <option key={id} value={`stage ${id}`}>
            before {id}
          </option>
        ))}
        <option value="end">where it stands now</option>
      </select>
      <span className="muted small">
        {search.at !== undefined
          ? 'What happened up to the turn of this event is shared; no agent is asked for it again.'
          : search.stage === undefined
            ? 'Everything that happened so far is shared; no agent is asked for it again.'
            : at > 0
              ? `${count(at)} ${at === 1 ? 'stage' : 'stages'} begun before it ${at === 1 ? 'is' : 'are'} shared; it and all that follows is done again.`
              : 'Everything is done again.'}
      </span>
    </label>
  )
}

const MOST_ROWS = 6

function Inputs({
  run,
  definition,
  edited,
  onEdit,
}: {
  run: Run
  definition: Definition
  edited: Edited
  onEdit: (edited: Edited) => void
}) {
  const names = [...new Set([...Object.keys(definition.inputs ?? {}), ...Object.keys(run.inputs)])]
  if (names.length === 0) return null
  return (
    <div className="fork-inputs">
      {names.map((name) => {
        const given = run.inputs[name]
        const large = isReference(given)
        const usual = given === undefined ? '' : large ? '' : asText(given)
        const value = edited[name] ?? usual
        return (
          <label key={name} className="field">
            <span>
              Input <code>{name}</code>
              {edited[name] !== undefined && ' (edited)'}
            </span>
            <textarea
              className={typeof given === 'string' ? 'input' : 'input code'}
              rows={Math.min(MOST_ROWS, Math.max(1, value.split('\n').length))}
              spellCheck={typeof given === 'string'}
              placeholder={large ? `kept as it is: ${given.preview.slice(0, 60)}…` : 'not given'}
              value={value}
              onChange={({ target }) => {
                const { [name]: _, ...others } = edited
                onEdit(target.value === usual ? others : { ...edited, [name]: target.value })
              }}
            />
          </label>
        )
      })}
    </div>
  )
}

/** Text stays text; what is declared or was given as something else is read as JSON. */
function editedInputs(run: Run, definition: Definition, edited: Edited): NonNullable<ForkInput['inputs']> {
  return Object.fromEntries(
    Object.entries(edited).map(([name, text]) => {
      const type = definition.inputs?.[name]?.type
      const given = run.inputs[name]
      if (type === 'text' || (type === undefined && typeof given === 'string')) return [name, text]
      try {
        return [name, JSON.parse(text)]
      } catch {
        if (type === 'any' || type === undefined) return [name, text]
        throw new Error(`The input ${name} is of type ${type}: write it as JSON`)
      }
    }),
  )
}
