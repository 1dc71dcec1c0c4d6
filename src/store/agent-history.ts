import { sql } from 'kysely'
import type { EventData } from '../workflow/event.ts'
import { pageSize, readCursor, writeCursor } from './cursor.ts'
import type { StoreAccess } from './schema.ts'
import type { AgentCall, Store } from './store.ts'

/** States of one agent that are kept; the oldest go. */
const KEPT_STATES = 1_000

type CallRow = { run: string; seq: number; at: number; type: 'task_finished' | 'task_failed'; data: string }

export function agentHistoryStore({ db, namespace }: StoreAccess): Store['agent_history'] {
  return {
    /** Reads the index `events_by_agent`, whose conditions the query repeats word for word. */
    async calls({ agent, limit, cursor }) {
      const read = cursor === undefined ? null : readCursor(cursor)
      if (read !== null && !read.ok) return { items: [], next: null, total: null }
      const size = pageSize(limit)
      const [run = '', seq = '0'] = (read?.value.id ?? '').split('#')
      const after = read === null ? sql`` : sql`and (e.at, e.run, e.seq) < (${read.value.at}, ${run}, ${Number(seq)})`
      // What a fork shares with its source was done there: it is dated before the fork was made.
      const { rows } = await sql<CallRow>`
        select e.run, e.seq, e.at, e.type, e.data from events e indexed by events_by_agent
        where e.namespace = ${namespace} and e.type in ('task_finished', 'task_failed')
          and json_extract(e.data, '$.agent') = ${agent} ${after}
          and e.at >= (select created_at from runs where namespace = e.namespace and id = e.run)
        order by e.at desc, e.run desc, e.seq desc limit ${size + 1}`.execute(db)
      const items = rows.slice(0, size)
      const last = rows.length > size ? items.at(-1) : undefined
      return {
        items: items.map(callOf),
        next: last === undefined ? null : writeCursor({ at: last.at, id: `${last.run}#${last.seq}` }),
        total: null,
      }
    },

    async note(changes) {
      if (changes.length === 0) return
      await db.transaction().execute(async (transaction) => {
        for (const change of changes) {
          await transaction
            .insertInto('agent_states')
            .values({ namespace, ...change })
            .onConflict((conflict) => conflict.columns(['namespace', 'agent', 'at']).doUpdateSet(change))
            .execute()
        }
        for (const agent of new Set(changes.map((change) => change.agent))) {
          await sql`delete from agent_states where namespace = ${namespace} and agent = ${agent} and at <= (
            select at from agent_states where namespace = ${namespace} and agent = ${agent}
            order by at desc limit 1 offset ${KEPT_STATES})`.execute(transaction)
        }
      })
    },

    async states(agent, limit) {
      const rows = await db
        .selectFrom('agent_states')
        .select(['agent', 'at', 'state', 'breaker', 'reason'])
        .where('namespace', '=', namespace)
        .where('agent', '=', agent)
        .orderBy('at', 'desc')
        .limit(pageSize(limit))
        .execute()
      return rows.map((row) => ({ ...row }))
    },
  }
}

function callOf({ run, seq, at, type, data }: CallRow): AgentCall {
  const parsed = JSON.parse(data) as EventData['task_finished'] | EventData['task_failed']
  const { task, attempt, usage, duration_ms, queued_ms, why } = parsed
  return {
    run,
    seq,
    at,
    task,
    attempt,
    ok: type === 'task_finished',
    failure: 'failure' in parsed ? parsed.failure : null,
    model: 'model' in parsed ? parsed.model : null,
    input_tokens: usage.input_tokens,
    output_tokens: usage.output_tokens,
    duration_ms,
    queued_ms,
    why,
  }
}
