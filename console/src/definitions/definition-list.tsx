/** Stored definitions with their versions; one of them, or a new one, in the editor beside its graph. */
import { useInfiniteQuery, useQuery } from '@tanstack/react-query'
import { Link, useNavigate } from '@tanstack/react-router'
import { useEffect, useState } from 'react'
import { ActionButton, useAction } from '../parts/action.tsx'
import { Empty, Fault, Loaded, Loading } from '../parts/states.tsx'
import { When } from '../parts/time.tsx'
import { definitionQuery, definitionsQuery, templatesQuery, versionsQuery } from '../server/queries.ts'
import { Workbench } from './workbench.tsx'

export type DefinitionSearch = { definition?: string; text?: string; from?: string }

const firstText = `apiVersion: quorate/v1
name: my_definition
inputs:
  topic: { type: text, required: true }
stages:
  - id: draft
    kind: tasks
    tasks:
      - id: write
        capability: writing
        instructions: Write a short note on the topic.
        input: { topic: =inputs.topic }
`

export function Definitions({ search }: { search: DefinitionSearch }) {
  if (search.definition !== undefined) return <Stored key={search.definition} reference={search.definition} />
  if (search.from !== undefined) return <New key={search.from} from={search.from} />
  return <List search={search} />
}

function List({ search }: { search: DefinitionSearch }) {
  const navigate = useNavigate()
  const definitions = useInfiniteQuery(definitionsQuery(search.text ?? ''))
  const templates = useQuery(templatesQuery)
  return (
    <main id="content" className="content whole" tabIndex={-1}>
      <div className="filters">
        <input
          type="search"
          className="input search"
          aria-label="Name of a definition"
          placeholder="Search definitions"
          value={search.text ?? ''}
          onChange={(event) =>
            void navigate({ to: '/console/definitions', search: { text: event.target.value }, replace: true })
          }
        />
        <span className="grow" />
        <Link to="/console/definitions" search={{ from: 'new' }} className="button primary">
          New definition
        </Link>
      </div>
      <div className="stage-area">
        <div className="stack body-pad narrow">
          <section className="panel" aria-label="Stored">
            <header>
              <h2>Stored</h2>
            </header>
            <Loaded query={definitions} lines={5}>
              {({ pages }) => {
                const items = pages.flatMap((page) => page.items)
                if (items.length === 0)
                  return (
                    <Empty title={search.text ? 'No definition has this name' : 'Nothing stored yet'}>
                      <p>
                        A definition is what a run executes: stages, tasks, decisions. Plans of goals are stored too.
                      </p>
                    </Empty>
                  )
                return (
                  <>
                    <ul className="rows">
                      {items.map((item) => (
                        <li key={item.hash}>
                          <Link to="/console/definitions" search={{ definition: item.name }} className="run-row">
                            <strong className="cut">{item.name}</strong>
                            <span className="tag">version {item.version}</span>
                            <span className="grow cut muted small">{item.note}</span>
                            <span className="muted small">
                              {item.by}, <When at={item.created_at} />
                            </span>
                          </Link>
                        </li>
                      ))}
                    </ul>
                    {definitions.hasNextPage && (
                      <div className="body-pad">
                        <button type="button" className="button" onClick={() => void definitions.fetchNextPage()}>
                          More
                        </button>
                      </div>
                    )}
                  </>
                )
              }}
            </Loaded>
          </section>
          <section className="panel" aria-label="Templates">
            <header>
              <h2>Templates</h2>
            </header>
            <Loaded query={templates} lines={4}>
              {({ items }) => (
                <ul className="rows">
                  {items.map((item) => (
                    <li key={item.name}>
                      <Link to="/console/definitions" search={{ from: item.name }} className="run-row">
                        <span className="grow">
                          <strong className="cut block">{item.title}</strong>
                          <span className="cut2 muted small">{item.description}</span>
                        </span>
                      </Link>
                    </li>
                  ))}
                </ul>
              )}
            </Loaded>
          </section>
        </div>
      </div>
    </main>
  )
}

function New({ from }: { from: string }) {
  const templates = useQuery({ ...templatesQuery, enabled: from !== 'new' })
  const text = from === 'new' ? firstText : templates.data?.items.find(({ name }) => name === from)?.text
  return (
    <main id="content" className="content whole" tabIndex={-1}>
      {text !== undefined ? (
        <Edit first={text} />
      ) : templates.data ? (
        <Empty title="There is no such template" />
      ) : templates.error ? (
        <Fault error={templates.error} again={templates.refetch} />
      ) : (
        <Loading />
      )}
    </main>
  )
}

function Stored({ reference }: { reference: string }) {
  const navigate = useNavigate()
  const stored = useQuery(definitionQuery(reference))
  const versions = useQuery({ ...versionsQuery(stored.data?.name ?? ''), enabled: stored.data !== undefined })
  const [text, setText] = useState<string | null>(null)
  const definition = stored.data?.definition
  useEffect(() => {
    if (definition !== undefined) void import('./as-yaml.ts').then(({ asYaml }) => setText(asYaml(definition)))
  }, [definition])
  return (
    <main id="content" className="content whole" tabIndex={-1}>
      {stored.data && text !== null ? (
        <Edit first={text}>
          <label className="row">
            <span className="label">Version</span>
            <select
              className="input"
              value={stored.data.hash}
              onChange={(event) =>
                void navigate({ to: '/console/definitions', search: { definition: event.target.value } })
              }
            >
              {(versions.data?.items ?? [stored.data]).map((one) => (
                <option key={one.hash} value={one.hash}>
                  {one.version}, {one.by}
                  {one.note === '' ? '' : `: ${one.note.slice(0, 60)}`}
                </option>
              ))}
            </select>
          </label>
          <Link to="/console/start" search={{ definition: stored.data.hash }} className="button">
            Run it
          </Link>
          <Link to="/console/runs" search={{ definition: stored.data.hash }} className="button">
            Its runs
          </Link>
        </Edit>
      ) : stored.error ? (
        <div className="body-pad">
          <Fault error={stored.error} again={stored.refetch} />
        </div>
      ) : (
        <Loading />
      )}
    </main>
  )
}

function Edit({ first, children }: { first: string; children?: React.ReactNode }) {
  const navigate = useNavigate()
  const [text, setText] = useState(first)
  const [note, setNote] = useState('')
  const put = useAction('put_definition', ({ hash }) =>
    navigate({ to: '/console/definitions', search: { definition: hash } }),
  )
  return (
    <>
      <Workbench text={text} onText={setText}>
        {(valid) => (
          <>
            {children}
            <span className="grow" />
            <input
              className="input"
              aria-label="Note on this version"
              placeholder="What changed, and why"
              value={note}
              maxLength={2_000}
              onChange={(event) => setNote(event.target.value)}
            />
            {valid ? (
              <ActionButton action={put} tone="primary" onPress={() => put.mutate({ definition: text, note })}>
                Store
              </ActionButton>
            ) : (
              <button type="button" className="button" disabled>
                Store
              </button>
            )}
          </>
        )}
      </Workbench>
      {put.error && <Fault error={put.error} />}
    </>
  )
}
