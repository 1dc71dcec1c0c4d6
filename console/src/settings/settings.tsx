/** The configuration in force with the source of each value, what the doctor finds, and the keys. */
import { useQuery } from '@tanstack/react-query'
import { Link, useNavigate } from '@tanstack/react-router'
import { Empty, Loaded } from '../parts/states.tsx'
import { Status } from '../parts/status.tsx'
import { configurationQuery, doctorQuery } from '../server/queries.ts'
import { Keys } from './keys.tsx'
import { type SettingsSearch, type SettingsView, settingsViews } from './settings-search.ts'

export function Settings({ search }: { search: SettingsSearch }) {
  const { view = 'doctor' } = search
  return (
    <main id="content" className="content whole" tabIndex={-1}>
      <nav className="tabs" aria-label="Settings">
        {(Object.keys(settingsViews) as SettingsView[]).map((one) => (
          <Link
            key={one}
            to="/console/settings"
            search={one === 'doctor' ? {} : { view: one }}
            activeOptions={{ exact: true, includeSearch: true }}
            aria-current={one === view ? 'page' : undefined}
          >
            {settingsViews[one]}
          </Link>
        ))}
      </nav>
      <section className="content" tabIndex={0} aria-label={`Settings: ${settingsViews[view]}`}>
        <div className="stack narrow">
          {view === 'doctor' ? <Doctor /> : view === 'configuration' ? <Configuration search={search} /> : <Keys />}
        </div>
      </section>
    </main>
  )
}

function Doctor() {
  const doctor = useQuery(doctorQuery)
  return (
    <section className="panel" aria-label="Doctor">
      <header>
        <span className="row">
          <h2>Doctor</h2>
          {doctor.data && <Status state={doctor.data.status} />}
        </span>
        <button type="button" className="button" disabled={doctor.isFetching} onClick={() => void doctor.refetch()}>
          {doctor.isFetching ? 'Examining …' : 'Examine again'}
        </button>
      </header>
      <Loaded query={doctor} lines={5}>
        {({ examined, findings }) => (
          <>
            {findings.length === 0 && (
              <Empty title="Nothing found">
                <p>Engine, store, disk, models, agents, queue and definitions are as they should be.</p>
              </Empty>
            )}
            <ul className="rows">
              {findings.map((finding) => (
                <li key={finding.id} className="body-pad stack tight">
                  <span className="row wrap">
                    <Status state={finding.severity} />
                    <strong>{finding.title}</strong>
                  </span>
                  <span className="muted break">{finding.evidence}</span>
                  <span className="break">{finding.remedy}</span>
                </li>
              ))}
            </ul>
            <div className="body-pad">
              <dl className="facts">
                {examined.map(({ subject, detail }) => (
                  <div key={subject} className="contents">
                    <dt>{subject}</dt>
                    <dd>{detail}</dd>
                  </div>
                ))}
              </dl>
            </div>
          </>
        )}
      </Loaded>
    </section>
  )
}

type Row = { name: string; value: string; source: string; detail: string }

function rowsOf(values: unknown, sources: Record<string, { source: string; detail: string }>, path = ''): Row[] {
  if (typeof values === 'object' && values !== null && !Array.isArray(values)) {
    return Object.entries(values).flatMap(([key, value]) =>
      rowsOf(value, sources, path === '' ? key : `${path}.${key}`),
    )
  }
  const known = sources[path] ?? sources[path.split('.')[0] ?? '']
  return [
    {
      name: path,
      value: typeof values === 'string' ? values : JSON.stringify(values),
      source: known?.source ?? 'default',
      detail: known?.detail ?? '',
    },
  ]
}

function Configuration({ search }: { search: SettingsSearch }) {
  const configuration = useQuery(configurationQuery)
  const navigate = useNavigate()
  const { text = '' } = search
  return (
    <section className="panel" aria-label="Configuration">
      <header>
        <h2>Configuration in force</h2>
        <input
          type="search"
          className="input search-small"
          aria-label="Find a setting"
          placeholder="Find a setting"
          value={text}
          onChange={(event) =>
            void navigate({ to: '/console/settings', search: { ...search, text: event.target.value }, replace: true })
          }
        />
      </header>
      <Loaded query={configuration}>
        {({ values, sources }) => (
          <section className="scroll-x" tabIndex={0} aria-label="Settings">
            <table className="table">
              <thead>
                <tr>
                  <th>Setting</th>
                  <th>Value</th>
                  <th>Source</th>
                </tr>
              </thead>
              <tbody>
                {rowsOf(values, sources)
                  .filter(({ name }) => name.toLowerCase().includes(text.toLowerCase()))
                  .map((row) => (
                    <tr key={row.name}>
                      <td className="mono">{row.name}</td>
                      <td className="mono break">{row.value}</td>
                      <td>
                        {row.source === 'default' ? (
                          <span className="muted">default</span>
                        ) : (
                          <span className="tag">{row.source}</span>
                        )}
                        {row.detail !== '' && row.source !== 'default' && (
                          <span className="muted small block break">{row.detail}</span>
                        )}
                      </td>
                    </tr>
                  ))}
              </tbody>
            </table>
          </section>
        )}
      </Loaded>
    </section>
  )
}
