/** Starts a run: of a goal (planned now and looked at, or planned by the run), a template, a stored definition or a file. */
import { useQuery } from '@tanstack/react-query'
import { Link, useNavigate } from '@tanstack/react-router'
import { lazy, Suspense, useEffect, useState } from 'react'
import type { Definition } from '../../../src/workflow/definition.ts'
import { useCheckedText } from '../definitions/checked-text.ts'
import { Workbench } from '../definitions/workbench.tsx'
import { useAction } from '../parts/action.tsx'
import { Empty, Fault, Loading } from '../parts/states.tsx'
import { Status } from '../parts/status.tsx'
import type { Input } from '../server/client.ts'
import { definitionQuery, templatesQuery } from '../server/queries.ts'
import { useDroppedFile } from './dropped-file.ts'
import { PlanControls } from './plan-controls.tsx'

const RunGraph = lazy(() => import('../run/run-graph.tsx').then(({ RunGraph }) => ({ default: RunGraph })))

export type StartSearch = { goal?: string; template?: string; definition?: string }
type Inputs = Record<string, string>

export function Start({ search }: { search: StartSearch }) {
  const navigate = useNavigate()
  const [goal, setGoal] = useState(search.goal ?? '')
  const [text, setText] = useState('')
  const [inputs, setInputs] = useState<Inputs>({})
  const [editing, setEditing] = useState(false)
  const [wrong, setWrong] = useState<unknown>(null)
  const templates = useQuery(templatesQuery)
  const stored = useQuery(definitionQuery(search.definition ?? ''))
  const plan = useAction('plan', ({ yaml }) => setText(yaml))
  const start = useAction('create_workflow', ({ run_id }) =>
    navigate({ to: '/console/runs/$id', params: { id: run_id } }),
  )
  useEffect(() => setGoal(search.goal ?? ''), [search.goal])
  const template = templates.data?.items.find(({ name }) => name === search.template)
  useEffect(() => {
    if (template !== undefined) setText(template.text)
  }, [template])
  const storedDefinition = stored.data?.definition
  useEffect(() => {
    if (storedDefinition !== undefined)
      void import('../definitions/as-yaml.ts').then(({ asYaml }) => setText(asYaml(storedDefinition)))
  }, [storedDefinition])
  const { findings, valid } = useCheckedText(text)
  const declared = Object.entries(text === '' ? {} : (valid?.inputs ?? {})).filter(([name]) => name !== 'goal')
  const begin = () => {
    try {
      setWrong(null)
      start.mutate({
        ...(goal.trim() !== '' && { goal: goal.trim() }),
        ...(text !== '' && { definition: text }),
        inputs: given(declared, inputs),
      })
    } catch (error) {
      setWrong(error)
    }
  }
  const { over, take, handlers } = useDroppedFile((dropped) => {
    setEditing(false)
    setWrong(null)
    setText(dropped)
    void navigate({ to: '/console/start', search: goal === '' ? {} : { goal } })
  }, setWrong)
  const ready = text === '' ? goal.trim() !== '' : findings?.valid === true
  const problem = wrong ?? start.error ?? plan.error ?? stored.error
  return (
    <main id="content" className="content" tabIndex={0} {...handlers}>
      {over && (
        <div className="drop-all" role="status">
          Drop the definition (YAML or JSON) anywhere
        </div>
      )}
      <div className={editing ? 'start editing' : 'start'}>
        <form
          className="panel"
          onSubmit={(event) => {
            event.preventDefault()
            if (ready) begin()
          }}
        >
          <div className="body stack">
            <label className="field">
              <span>Goal</span>
              <textarea
                className="input"
                // biome-ignore lint/a11y/noAutofocus: the page is opened to be typed into
                autoFocus
                placeholder="What is to be reached, in plain words"
                value={goal}
                onChange={(event) => setGoal(event.target.value)}
                onKeyDown={(event) => {
                  if (event.key === 'Enter' && (event.ctrlKey || event.metaKey))
                    event.currentTarget.form?.requestSubmit()
                }}
              />
            </label>
            <label className="field">
              <span>Definition</span>
              <select
                className="input"
                value={search.template ?? ''}
                onChange={(event) => {
                  setText('')
                  void navigate({
                    to: '/console/start',
                    search: {
                      ...(goal !== '' && { goal }),
                      ...(event.target.value !== '' && { template: event.target.value }),
                    },
                  })
                }}
              >
                <option value="">
                  {stored.data ? `${stored.data.name}, version ${stored.data.version}` : 'planned from the goal'}
                </option>
                {templates.data?.items.map(({ name, title }) => (
                  <option key={name} value={name}>
                    {title}
                  </option>
                ))}
              </select>
            </label>
            {template && <p className="muted small">{template.description}</p>}
            {declared.map(([name, { type, description, required, default: usual }]) => (
              <label key={name} className="field">
                <span>
                  {name}
                  {required === true && usual === undefined ? ' (required)' : ''}
                  {description ? `: ${description}` : ''}
                </span>
                <textarea
                  className={type === 'text' ? 'input' : 'input code'}
                  rows={type === 'text' ? 3 : 1}
                  placeholder={usual === undefined ? type : JSON.stringify(usual).slice(0, 80)}
                  value={inputs[name] ?? ''}
                  onChange={(event) => setInputs({ ...inputs, [name]: event.target.value })}
                />
              </label>
            ))}
            <label className="drop">
              Drop a definition anywhere (YAML or JSON), or choose a file
              <input
                type="file"
                className="sr"
                accept=".yaml,.yml,.json"
                onChange={({ target }) => {
                  void take(target.files?.[0])
                  target.value = ''
                }}
              />
            </label>
            {problem !== null && problem !== undefined && <Fault error={problem} />}
            <div className="row wrap">
              <button type="submit" className="button primary" disabled={!ready || start.isPending}>
                {start.isPending ? 'Starting …' : text === '' ? 'Plan and start' : 'Start'}
              </button>
              {text === '' && (
                <button
                  type="button"
                  className="button"
                  disabled={goal.trim() === '' || plan.isPending}
                  onClick={() => plan.mutate({ goal: goal.trim() })}
                >
                  {plan.isPending ? 'Planning …' : 'See the plan first'}
                </button>
              )}
              {text !== '' && (
                <>
                  <button type="button" className="button" onClick={() => setEditing(!editing)}>
                    {editing ? 'Done with the text' : 'Change the text'}
                  </button>
                  <button
                    type="button"
                    className="button plain"
                    onClick={() => {
                      setText('')
                      setEditing(false)
                      plan.reset()
                      void navigate({ to: '/console/start', search: goal === '' ? {} : { goal } })
                    }}
                  >
                    Discard
                  </button>
                </>
              )}
            </div>
          </div>
        </form>
        <section className="panel preview" aria-label="What will run">
          <header>
            <h2 className="cut">{text === '' ? 'What will run' : (valid?.name ?? 'Definition')}</h2>
            {text !== '' && !editing && findings && (
              <Status
                state={findings.valid ? 'completed' : 'failed'}
                label={findings.valid ? 'valid' : `${findings.problems.length} problems`}
              />
            )}
          </header>
          {text !== '' && !editing && findings?.valid === true && valid !== null && (
            <PlanControls text={text} definition={valid} onText={setText} />
          )}
          <Preview
            planning={plan.isPending}
            loading={
              (search.template !== undefined && templates.isPending) ||
              (search.definition !== undefined && stored.isPending)
            }
            text={text}
            editing={editing}
            valid={valid}
            problems={findings?.problems ?? []}
            onText={setText}
          />
          {plan.data && text !== '' && <p className="muted small body-pad">{plan.data.reason}</p>}
        </section>
      </div>
    </main>
  )
}

function Preview({
  planning,
  loading,
  text,
  editing,
  valid,
  problems,
  onText,
}: {
  planning: boolean
  loading: boolean
  text: string
  editing: boolean
  valid: Definition | null
  problems: { message: string; line?: number | undefined }[]
  onText: (text: string) => void
}) {
  if (planning)
    return (
      <Empty title="The plan is being made">
        <p>A model proposes stages and the check judges them. On a small machine this takes a minute.</p>
        <Loading lines={3} />
      </Empty>
    )
  if (text === '' && loading) return <Loading />
  if (text === '')
    return (
      <Empty title="Nothing chosen yet">
        <p>
          A goal is enough: the run plans it by itself. To see and change the plan before anything runs, press “See the
          plan first”, or begin with a template or a file.
        </p>
        <p>
          <Link to="/console/definitions">Definitions that are stored</Link>
        </p>
      </Empty>
    )
  if (editing)
    return (
      <Workbench text={text} onText={onText}>
        {() => null}
      </Workbench>
    )
  return (
    <div className="grow">
      {valid === null && problems.length > 0 ? (
        <textarea
          className="input code grow"
          aria-label="Definition as YAML"
          spellCheck={false}
          value={text}
          onChange={(event) => onText(event.target.value)}
        />
      ) : valid === null ? (
        <Loading />
      ) : (
        <Suspense fallback={<Loading />}>
          <RunGraph definition={valid} />
        </Suspense>
      )}
      {problems.length > 0 && (
        <ul className="body-pad stack tight" aria-label="Problems">
          {problems.slice(0, 8).map((problem) => (
            <li key={`${problem.line} ${problem.message}`} className="bad small">
              {problem.line !== undefined && `line ${problem.line}: `}
              {problem.message}
            </li>
          ))}
        </ul>
      )}
    </div>
  )
}

/** What was typed, as the types that the definition declares; empty fields are left out, so that defaults hold. */
function given(
  declared: [string, { type: string }][],
  inputs: Inputs,
): NonNullable<Input<'create_workflow'>['inputs']> {
  return Object.fromEntries(
    declared.flatMap(([name, { type }]) => {
      const text = inputs[name] ?? ''
      if (text === '') return []
      if (type === 'text') return [[name, text]]
      try {
        return [[name, JSON.parse(text)]]
      } catch {
        if (type === 'any') return [[name, text]]
        throw new Error(`The input ${name} is of type ${type}: write it as JSON`)
      }
    }),
  )
}
