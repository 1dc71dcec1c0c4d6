/** What views ask for, under which key it is kept, and what a change of a run makes stale. */
import { infiniteQueryOptions, keepPreviousData, type QueryClient, queryOptions } from '@tanstack/react-query'
import type { RunEvent } from '../../../src/workflow/event.ts'
import { call, type Input, type Output } from './client.ts'

export type Run = Output<'get_run'>
export type RunSummary = Output<'list_runs'>['items'][number]
export type Agent = Output<'list_agents'>['items'][number]
export type Comparison = Output<'compare_runs'>
export type Version = Output<'list_versions'>['items'][number]
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
    queryFn: ({ signal }) => call('list_versions', { name }, { signal }),
  })
export const definitionDiffQuery = (old: string, now: string) =>
  queryOptions({
    queryKey: ['definitions', 'diff', old, now],
    queryFn: ({ signal }) => call('diff_definitions', { reference: old, other: now }, { signal }),
  })
export const compareQuery = (left: string, right: string) =>
  queryOptions({
    queryKey: ['compare', left, right],
    queryFn: ({ signal }) => call('compare_runs', { id: left, other: right }, { signal }),
    enabled: left !== '' && right !== '',
  })
/** What a task was asked; it does not change any more once the attempt has begun. */
export const taskQuery = (id: string, task: string, attempt: number) =>
  queryOptions({
    queryKey: ['task', id, task, attempt],
    queryFn: ({ signal }) => call('get_task', { id, task, attempt }, { signal }),
    staleTime: Number.POSITIVE_INFINITY,
    retry: false,
  })
/** What editors need to know; it changes only with the program. */
export const definitionSchemaQuery = queryOptions({
  queryKey: ['definition_schema'],
  queryFn: ({ signal }) => call('definition_schema', {}, { signal }),
  staleTime: Number.POSITIVE_INFINITY,
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

export type ApiKey = Output<'list_keys'>['items'][number]
export const keysQuery = (revoked: boolean) =>
  queryOptions({
    queryKey: ['keys', revoked],
    queryFn: ({ signal }) => call('list_keys', { revoked }, { signal }),
    placeholderData: keepPreviousData,
  })

export type Question = Output<'list_questions'>['items'][number]
export const questionsQuery = queryOptions({
  queryKey: ['questions'],
  queryFn: ({ signal }) => call('list_questions', { limit: 200 }, { signal }),
  refetchInterval: 20_000,
})

export type OverTime = Output<'metrics_over_time'>
export type TimeFilter = Input<'metrics_over_time'>
/** A point in time is as fresh as its bucket: asking every half minute is enough. */
export const overTimeQuery = (filter: TimeFilter) =>
  queryOptions({
    queryKey: ['over_time', filter],
    queryFn: ({ signal }) => call('metrics_over_time', filter, { signal }),
    refetchInterval: 30_000,
    staleTime: 10_000,
    placeholderData: keepPreviousData,
  })
export type AgentHistory = Output<'agent_history'>
export const agentHistoryQuery = (agent: string, range: TimeFilter['range']) =>
  infiniteQueryOptions({
    queryKey: ['agent_history', agent, range],
    queryFn: ({ signal, pageParam }) =>
      call('agent_history', { agent, range, limit: 50, ...(pageParam !== '' && { cursor: pageParam }) }, { signal }),
    initialPageParam: '',
    getNextPageParam: (page) => page.next,
    refetchInterval: 30_000,
    placeholderData: keepPreviousData,
  })
export type Try = Output<'get_try'>
/** Read again and again while one is under way. */
export const triesQuery = (agent: string) =>
  queryOptions({
    queryKey: ['tries', agent],
    queryFn: ({ signal }) => call('list_tries', { agent, limit: 20 }, { signal }),
    refetchInterval: ({ state }) => (state.data?.items.some((one) => one.state === 'running') ? 700 : false),
  })

/** A run changed: what shows it is read again. Lists and counts at most once a second however many runs change. */
export function staleAfter(client: QueryClient): (run: string) => void {
  let waiting = false
  return (run) => {
    void client.invalidateQueries({ predicate: ({ queryKey }) => queryKey[0] === 'compare' && queryKey.includes(run) })
    for (const kind of ['run', 'events', 'live']) void client.invalidateQueries({ queryKey: [kind, run] })
    if (waiting) return
    waiting = true
    window.setTimeout(() => {
      waiting = false
      for (const kind of ['runs', 'status', 'questions', 'agents']) void client.invalidateQueries({ queryKey: [kind] })
    }, 700)
  }
}
