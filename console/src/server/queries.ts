/** What views ask for, under which key it is kept, and what a change of a run makes stale. */
import { infiniteQueryOptions, type QueryClient, queryOptions } from '@tanstack/react-query'
import type { RunEvent } from '../../../src/workflow/event.ts'
import { call, type Input, type Output, RequestFailed } from './client.ts'

export type Run = Output<'get_run'>
export type RunSummary = Output<'list_runs'>['items'][number]
export type Agent = Output<'list_agents'>['items'][number]
export type RunFilter = Omit<Input<'list_runs'>, 'cursor' | 'limit'>

export const statusQuery = queryOptions({
  queryKey: ['status'],
  queryFn: ({ signal }) => call('orchestration_status', {}, { signal }),
  refetchInterval: 15_000,
})
export const agentsQuery = queryOptions({
  queryKey: ['agents'],
  queryFn: ({ signal }) => call('list_agents', {}, { signal }),
  refetchInterval: 10_000,
})
export const runsQuery = (filter: RunFilter, limit = 100) =>
  infiniteQueryOptions({
    queryKey: ['runs', filter, limit],
    queryFn: ({ signal, pageParam }) =>
      call('list_runs', { ...filter, limit, ...(pageParam !== '' && { cursor: pageParam }) }, { signal }),
    initialPageParam: '',
    getNextPageParam: (page) => page.next,
  })
export const runQuery = (id: string) =>
  queryOptions({ queryKey: ['run', id], queryFn: ({ signal }) => call('get_run', { id }, { signal }) })
export const liveQuery = (id: string) =>
  queryOptions({
    queryKey: ['live', id],
    queryFn: ({ signal }) => call('live', { id }, { signal }),
    refetchInterval: 1_500,
  })

const EVENT_PAGE = 1_000
/** Events that the console holds of one run; a longer log is read in the API page by page. */
export const MOST_EVENTS = 20_000
export type Log = { events: RunEvent[]; more: boolean }

/** Read once; then only what is new is asked for. */
export const eventsQuery = (client: QueryClient, id: string) =>
  queryOptions({
    queryKey: ['events', id],
    queryFn: async ({ signal }): Promise<Log> => {
      const events = [...(client.getQueryData<Log>(['events', id])?.events ?? [])]
      while (events.length < MOST_EVENTS) {
        const after = events.at(-1)?.seq ?? 0
        const page = await call('get_run_events', { id, after, limit: EVENT_PAGE }, { signal })
        events.push(...(page.items as RunEvent[]))
        if (page.next === null) return { events, more: false }
      }
      return { events, more: true }
    },
    structuralSharing: false,
  })
export const blobQuery = (hash: string, wanted: boolean) =>
  queryOptions({
    queryKey: ['blob', hash],
    queryFn: ({ signal }) => call('get_blob', { hash }, { signal }),
    staleTime: Number.POSITIVE_INFINITY,
    enabled: wanted,
  })
export const definitionQuery = (reference: string) =>
  queryOptions({
    queryKey: ['definition', reference],
    queryFn: ({ signal }) => call('get_definition', { reference }, { signal }),
    staleTime: reference.startsWith('sha256:') ? Number.POSITIVE_INFINITY : 0,
    enabled: reference !== '',
  })
export const definitionsQuery = (text: string) =>
  infiniteQueryOptions({
    queryKey: ['definitions', text],
    queryFn: ({ signal, pageParam }) =>
      call(
        'list_definitions',
        { limit: 100, ...(text !== '' && { text }), ...(pageParam !== '' && { cursor: pageParam }) },
        { signal },
      ),
    initialPageParam: '',
    getNextPageParam: (page) => page.next,
  })
export const versionsQuery = (name: string) =>
  queryOptions({
    queryKey: ['definitions', 'versions', name],
    queryFn: ({ signal }) => call('list_definitions', { name, limit: 200 }, { signal }),
  })
export const templatesQuery = queryOptions({
  queryKey: ['templates'],
  queryFn: ({ signal }) => call('list_templates', {}, { signal }),
  staleTime: Number.POSITIVE_INFINITY,
})
export const metricsQuery = queryOptions({
  queryKey: ['metrics'],
  queryFn: ({ signal }) => call('intelligence_metrics', {}, { signal }),
})
export const configurationQuery = queryOptions({
  queryKey: ['configuration'],
  queryFn: ({ signal }) => call('configuration', {}, { signal }),
})
export const doctorQuery = queryOptions({
  queryKey: ['doctor'],
  queryFn: ({ signal }) => call('doctor', {}, { signal }),
  staleTime: 30_000,
})

/** Runs whose questions the inbox shows at most. */
export const MOST_WAITING = 40
export type Question = { run: Run } & (
  | { kind: 'approval'; approval: Run['approvals'][number] }
  | { kind: 'effect'; effect: Run['effect_questions'][number] }
)
export const questionsQuery = queryOptions({
  queryKey: ['questions'],
  queryFn: async ({ signal }) => {
    const open = await call(
      'list_runs',
      { status: ['waiting', 'running', 'paused'], order: 'oldest', limit: MOST_WAITING },
      { signal },
    )
    const runs = await Promise.all(
      open.items.map((row) =>
        call('get_run', { id: row.id }, { signal }).catch((error: unknown) => {
          if (error instanceof RequestFailed && error.status === 404) return null
          throw error
        }),
      ),
    )
    const items = runs.flatMap((run): Question[] =>
      run === null
        ? []
        : [
            ...run.approvals.map((approval) => ({ run, kind: 'approval' as const, approval })),
            ...run.effect_questions.map((effect) => ({ run, kind: 'effect' as const, effect })),
          ],
    )
    return { items, more: open.next !== null }
  },
  refetchInterval: 20_000,
})

/** A run changed: what shows it is read again. Lists and counts at most once a second however many runs change. */
export function staleAfter(client: QueryClient): (run: string) => void {
  let waiting = false
  return (run) => {
    for (const kind of ['run', 'events', 'live']) void client.invalidateQueries({ queryKey: [kind, run] })
    if (waiting) return
    waiting = true
    window.setTimeout(() => {
      waiting = false
      for (const kind of ['runs', 'status', 'questions', 'agents']) void client.invalidateQueries({ queryKey: [kind] })
    }, 700)
  }
}
