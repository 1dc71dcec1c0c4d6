/** All versions of a definition: who or what made each, when and why; any two side by side; an old one made the latest. */
import { useQuery } from '@tanstack/react-query'
import { Link, useNavigate } from '@tanstack/react-router'
import { useEffect, useState } from 'react'
import { ActionButton, useAction } from '../parts/action.tsx'
import { Dialog } from '../parts/dialog.tsx'
import { TextDiff } from '../parts/diff.tsx'
import { Empty, Fault, Loaded, Loading } from '../parts/states.tsx'
import { exactTime, When } from '../parts/time.tsx'
import { definitionDiffQuery, definitionQuery, type Version, versionsQuery } from '../server/queries.ts'
import { DefinitionChanges } from './definition-changes.tsx'
import type { DefinitionSearch } from './definition-search.ts'

const referenceOf = ({ name, version }: Version) => `${name}@${version}`

export function Versions({ name, search }: { name: string; search: DefinitionSearch }) {
  const versions = useQuery(versionsQuery(name))
  const items = versions.data?.items ?? []
  const [latest, before] = items
  const now = search.now ?? (latest && referenceOf(latest))
  const old = search.old ?? (before && referenceOf(before))
  return (
    <div className="versions">
      <section className="versions-list" aria-label="Versions">
        <Loaded query={versions} lines={5}>
          {({ items }) => (
            <ol className="rows">
              {items.map((version, at) => (
                <VersionRow
                  key={version.version}
                  version={version}
                  latest={at === 0}
                  search={search}
                  old={old}
                  now={now}
                />
              ))}
            </ol>
          )}
        </Loaded>
      </section>
      <section className="versions-diff" aria-label="What changed">
        {old === undefined || now === undefined ? (
          versions.data && (
            <Empty title="There is one version so far">
              <p>Store a change, and what differs is shown here.</p>
            </Empty>
          )
        ) : old === now ? (
          <Empty title="Both are the same version">
            <p>Choose another one on either side.</p>
          </Empty>
        ) : (
          <Difference old={old} now={now} search={search} />
        )}
      </section>
    </div>
  )
}

function VersionRow({
  version,
  latest,
  search,
  old,
  now,
}: {
  version: Version
  latest: boolean
  search: DefinitionSearch
  old: string | undefined
  now: string | undefined
}) {
  const navigate = useNavigate()
  const [restoring, setRestoring] = useState(false)
  const reference = referenceOf(version)
  const choose = (side: 'old' | 'now') =>
    void navigate({
      to: '/console/definitions',
      search: { ...search, ...(old && { old }), ...(now && { now }), [side]: reference },
      replace: true,
    })
  return (
    <li className="version">
      <span className="version-sides">
        {(['old', 'now'] as const).map((side) => (
          <input
            key={side}
            type="radio"
            name={side}
            aria-label={`version ${version.version} as the ${side === 'old' ? 'earlier' : 'later'} one`}
            checked={(side === 'old' ? old : now) === reference}
            onChange={() => choose(side)}
          />
        ))}
      </span>
      <div className="stack tight grow">
        <div className="row wrap">
          <strong>Version {version.version}</strong>
          {latest && <span className="status good">latest</span>}
          <span className="muted small">
            {version.by}, <When at={version.created_at} />
          </span>
        </div>
        <p className={version.note === '' ? 'muted small' : 'small break'}>
          {version.note === '' ? 'no reason was given' : version.note}
        </p>
        <div className="row wrap small">
          <Link to="/console/definitions" search={{ definition: reference }}>
            Open<span className="sr"> version {version.version}</span>
          </Link>
          <Link to="/console/runs" search={{ definition: version.hash }}>
            Its runs<span className="sr">, of version {version.version}</span>
          </Link>
          {!latest && (
            <button type="button" className="link" onClick={() => setRestoring(true)}>
              Restore …<span className="sr"> version {version.version}</span>
            </button>
          )}
        </div>
      </div>
      {restoring && <Restore version={version} onClose={() => setRestoring(false)} />}
    </li>
  )
}

function Restore({ version, onClose }: { version: Version; onClose: () => void }) {
  const navigate = useNavigate()
  const [note, setNote] = useState('')
  const restore = useAction('restore_definition', () => {
    onClose()
    return navigate({ to: '/console/definitions', search: { definition: version.name, view: 'versions' } })
  })
  return (
    <Dialog title={`Restore version ${version.version}`} onClose={onClose}>
      <p>
        Version {version.version} of {exactTime(version.created_at)} becomes the latest under a new number. The versions
        between stay, and runs that go on keep theirs.
      </p>
      <label className="field">
        <span>Why</span>
        <input
          className="input"
          autoFocus
          value={note}
          maxLength={1_900}
          onChange={(event) => setNote(event.target.value)}
        />
      </label>
      <div>
        <ActionButton
          action={restore}
          tone="primary"
          onPress={() => restore.mutate({ reference: referenceOf(version), note })}
        >
          Restore
        </ActionButton>
      </div>
      {restore.error && <Fault error={restore.error} />}
    </Dialog>
  )
}

function Difference({ old, now, search }: { old: string; now: string; search: DefinitionSearch }) {
  const diff = useQuery(definitionDiffQuery(old, now))
  const asText = search.as === 'text'
  const { as: _, ...meaning } = search
  return (
    <>
      <div className="filters">
        <strong className="cut">{diff.data ? betweenOf(diff.data.old, diff.data.new) : `${old} → ${now}`}</strong>
        {diff.data && (
          <span className="muted small" role="status">
            {diff.data.changes.length === 0
              ? 'no change'
              : `${diff.data.changes.length} ${diff.data.changes.length === 1 ? 'change' : 'changes'}`}
          </span>
        )}
        <span className="grow" />
        <nav className="chips" aria-label="How the changes are shown">
          <Link
            to="/console/definitions"
            search={meaning}
            className="chip"
            aria-current={asText ? undefined : 'page'}
            activeOptions={{ exact: true, includeSearch: true }}
          >
            By meaning
          </Link>
          <Link
            to="/console/definitions"
            search={{ ...search, as: 'text' }}
            className="chip"
            aria-current={asText ? 'page' : undefined}
            activeOptions={{ exact: true, includeSearch: true }}
          >
            As text
          </Link>
        </nav>
      </div>
      <div className="versions-changes">
        <Loaded query={diff} lines={6}>
          {({ changes }) => (asText ? <Texts old={old} now={now} /> : <DefinitionChanges changes={changes} />)}
        </Loaded>
      </div>
    </>
  )
}

const betweenOf = (old: Version, now: Version) =>
  old.name === now.name
    ? `Version ${old.version} → version ${now.version}`
    : `${old.name}, version ${old.version} → ${now.name}, version ${now.version}`

function Texts({ old, now }: { old: string; now: string }) {
  const a = useQuery(definitionQuery(old))
  const b = useQuery(definitionQuery(now))
  const [texts, setTexts] = useState<[string, string] | null>(null)
  const [left, right] = [a.data?.definition, b.data?.definition]
  useEffect(() => {
    if (left !== undefined && right !== undefined)
      void import('./as-yaml.ts').then(({ asYaml }) => setTexts([asYaml(left), asYaml(right)]))
  }, [left, right])
  const error = a.error ?? b.error
  if (error) return <Fault error={error} />
  if (texts === null) return <Loading />
  return <TextDiff left={texts[0]} right={texts[1]} label="The two texts, line by line" />
}
