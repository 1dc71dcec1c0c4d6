/** Stored definitions with their versions; one of them, or a new one, in the editor beside its graph. */
import { useInfiniteQuery, useQuery } from '@tanstack/react-query'
import { Link, useNavigate } from '@tanstack/react-router'
import { useEffect, useState } from 'react'
import { ActionButton, useAction } from '../parts/action.tsx'
import { Empty, Fault, Loaded, Loading } from '../parts/states.tsx'
import { When } from '../parts/time.tsx'
import { definitionQuery, definitionsQuery, templatesQuery } from '../server/queries.ts'
import type { DefinitionSearch } from './definition-search.ts'
import { Versions } from './versions.tsx'
import { Workbench } from './workbench.tsx'

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
  if (search.definition !== undefined)
    return <Stored key={search.definition} reference={search.definition} search={search} />
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

function Stored({ reference, search }: { reference: string; search: DefinitionSearch }) {
  const stored = useQuery(definitionQuery(reference))
  const [text, setText] = useState<string | null>(null)
  const definition = stored.data?.definition
  useEffect(() => {
    if (definition !== undefined) void import('./as-yaml.ts').then(({ asYaml }) => setText(asYaml(definition)))
  }, [definition])
  return (
    <main id="content" className="content whole" tabIndex={-1}>
      {stored.data && text !== null ? (
        <>
          <div className="run-head">
            <div className="row spread wrap-phone">
              <div className="row grow">
                <h2 className="run-title cut" title={stored.data.name}>
                  {stored.data.name}
                </h2>
                <span className="tag">version {stored.data.version}</span>
              </div>
              <div className="row">
                <Link to="/console/runs" search={{ definition: stored.data.hash }} className="button">
                  Its runs
                </Link>
                <Link to="/console/start" search={{ definition: stored.data.hash }} className="button">
                  Run it
                </Link>
              </div>
            </div>
            <p className="muted small break">
              by {stored.data.by}, <When at={stored.data.created_at} />
              {stored.data.note !== '' && `: ${stored.data.note}`}
            </p>
          </div>
          <nav className="tabs" aria-label="Views of the definition">
            {([undefined, 'versions'] as const).map((view) => (
              <Link
                key={view ?? 'text'}
                to="/console/definitions"
                search={{ definition: reference, ...(view && { view }) }}
                aria-current={search.view === view ? 'page' : undefined}
                activeOptions={{ exact: true, includeSearch: true }}
              >
                {view === undefined ? 'Text and graph' : 'Versions'}
              </Link>
            ))}
          </nav>
          {search.view === 'versions' ? <Versions name={stored.data.name} search={search} /> : <Edit first={text} />}
        </>
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

function Edit({ first }: { first: string }) {
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
