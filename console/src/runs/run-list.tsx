/** All runs, newest first: filtered by state, kind and words; pages are fetched as one scrolls to them. */
import { useInfiniteQuery, useQueryClient } from '@tanstack/react-query'
import { Link, useNavigate } from '@tanstack/react-router'
import { useEffect, useRef, useState } from 'react'
import { LongList } from '../parts/long-list.tsx'
import { RunFigureHeads, RunFigures, runTitle } from '../parts/run-rows.tsx'
import { Empty, Loaded } from '../parts/states.tsx'
import { Status } from '../parts/status.tsx'
import { count } from '../parts/time.tsx'
import { definitionQuery, type RunSummary, runQuery, runsQuery } from '../server/queries.ts'
import { type RunSearch, runStatuses } from './run-search.ts'

/** Whoever points at a run or comes to it by keyboard is about to open one. */
const fetchRunPage = () => void import('../run/run-page.tsx').catch(() => undefined)
/** Whoever stays on one for so long is about to open that one. */
const STAYS_MS = 100

/** Fetches what the page of a run shows first, while the pointer or the focus rests on its row. */
function useFetchAhead(rows: RunSummary[]): (target: EventTarget) => void {
  const client = useQueryClient()
  const waiting = useRef<number | undefined>(undefined)
  useEffect(() => () => window.clearTimeout(waiting.current), [])
  return (target) => {
    window.clearTimeout(waiting.current)
    const row = (target as Element).closest('[data-row]')?.getAttribute('data-row')
    const id = row == null ? undefined : rows[Number(row)]?.id
    if (id === undefined) return
    waiting.current = window.setTimeout(async () => {
      const run = await client.fetchQuery(runQuery(id)).catch(() => null)
      if (run?.definition) await client.prefetchQuery(definitionQuery(run.definition.hash))
    }, STAYS_MS)
  }
}

export function RunList({ search }: { search: RunSearch }) {
  const navigate = useNavigate()
  const set = (change: Partial<Record<keyof RunSearch, unknown>>) =>
    navigate({ to: '/console/runs', search: { ...search, ...change } as RunSearch, replace: true })
  const runs = useInfiniteQuery(runsQuery(search))
  const total = runs.data?.pages[0]?.total
  return (
    <main id="content" className="content whole" tabIndex={-1}>
      <search className="filters">
        <SearchField text={search.text ?? ''} onText={(text) => void set({ text: text === '' ? undefined : text })} />
        <fieldset className="chips" aria-label="State">
          {runStatuses.map((status) => {
            const on = search.status?.includes(status) ?? false
            const next = on ? search.status?.filter((one) => one !== status) : [...(search.status ?? []), status]
            return (
              <button
                key={status}
                type="button"
                className="chip"
                aria-pressed={on}
                onClick={() => void set({ status: next?.length ? next : undefined })}
              >
                {status}
              </button>
            )
          })}
        </fieldset>
        <label className="row">
          <span className="sr">Kind</span>
          <select
            className="input"
            value={search.kind ?? ''}
            onChange={(event) => void set({ kind: event.target.value === '' ? undefined : event.target.value })}
          >
            <option value="">all kinds</option>
            <option value="workflow">workflows</option>
            <option value="swarm">swarms</option>
          </select>
        </label>
        <span className="muted small" role="status">
          {total === null || total === undefined ? '' : `${count(total)} runs`}
        </span>
      </search>
      <Loaded query={runs} lines={12}>
        {({ pages }) => {
          const rows = pages.flatMap((page) => page.items)
          if (rows.length > 0)
            return <Rows rows={rows} more={runs.hasNextPage} fetchMore={() => void runs.fetchNextPage()} />
          const filtered = Object.values(search).some((value) => value !== undefined)
          return filtered ? (
            <Empty title="No run fits these filters">
              <Link to="/console/runs" className="button">
                Show all runs
              </Link>
            </Empty>
          ) : (
            <Empty title="No runs yet">
              <p>A run is one execution: of a goal that Quorate plans, or of a definition that you wrote.</p>
              <Link to="/console/start" className="button primary">
                Start a goal
              </Link>
            </Empty>
          )
        }}
      </Loaded>
    </main>
  )
}

/** Typing goes into the address after a moment, so that each letter is no request. */
function SearchField({ text, onText }: { text: string; onText: (text: string) => void }) {
  const [typed, setTyped] = useState(text)
  const given = useRef(text)
  useEffect(() => {
    if (text !== given.current) setTyped(text)
    given.current = text
  }, [text])
  useEffect(() => {
    if (typed === given.current) return
    const timer = window.setTimeout(() => {
      given.current = typed
      onText(typed)
    }, 200)
    return () => window.clearTimeout(timer)
  })
  return (
    <input
      type="search"
      className="input search short"
      aria-label="Words of the goal or the definition’s name"
      placeholder="Search"
      value={typed}
      maxLength={200}
      onChange={(event) => setTyped(event.target.value)}
    />
  )
}

function Rows({ rows, more, fetchMore }: { rows: RunSummary[]; more: boolean; fetchMore: () => void }) {
  const [chosen, setChosen] = useState<string[]>([])
  const toggle = (id: string) =>
    setChosen((now) => (now.includes(id) ? now.filter((one) => one !== id) : [...now, id].slice(-2)))
  const fetchAhead = useFetchAhead(rows)
  return (
    <div className="list">
      {chosen.length > 0 && <Chosen ids={chosen} rows={rows} onClear={() => setChosen([])} />}
      <div className="list-head run-columns" aria-hidden="true">
        <span>State</span>
        <span>Goal</span>
        <span className="wide">Definition</span>
        <RunFigureHeads />
      </div>
      <LongList
        label="Runs"
        rows={rows}
        height={44}
        more={more}
        fetchMore={fetchMore}
        onKey={(key, run) => {
          if (key !== 'x') return false
          toggle(run.id)
          return true
        }}
        onPointerEnter={fetchRunPage}
        onPointerOver={({ target }) => fetchAhead(target)}
        onFocus={({ target }) => {
          fetchRunPage()
          fetchAhead(target)
        }}
        row={(run, index) => (
          <>
            <input
              type="checkbox"
              className="choose"
              tabIndex={chosen.includes(run.id) ? 0 : -1}
              aria-label={`compare ${runTitle(run).slice(0, 80)}`}
              title="Choose two runs to compare them (x)"
              checked={chosen.includes(run.id)}
              onChange={() => toggle(run.id)}
            />
            <Link
              to="/console/runs/$id"
              params={{ id: run.id }}
              aria-keyshortcuts="x"
              className="run-columns list-row"
              data-row={index}
            >
              <span>
                <Status state={run.status} />
              </span>
              <span className="cut" title={runTitle(run)}>
                {runTitle(run)}
                {run.status === 'failed' && <span className="muted small cut block">{run.reason}</span>}
              </span>
              <span className="wide muted cut">{run.definition_name}</span>
              <RunFigures run={run} />
            </Link>
          </>
        )}
      />
    </div>
  )
}

/** Two runs that are chosen are compared; the older one is what the newer is held against. */
function Chosen({ ids, rows, onClear }: { ids: string[]; rows: RunSummary[]; onClear: () => void }) {
  const [left, right] = rows.filter(({ id }) => ids.includes(id)).sort((a, b) => a.created_at - b.created_at)
  return (
    <div className="chosen" role="status">
      <span>{right === undefined ? 'One run is chosen: choose another to compare them' : 'Two runs are chosen'}</span>
      <span className="grow" />
      {left !== undefined && right !== undefined && (
        <Link to="/console/runs/compare" search={{ left: left.id, right: right.id }} className="button primary">
          Compare
        </Link>
      )}
      <button type="button" className="button" onClick={onClear}>
        Clear
      </button>
    </div>
  )
}
