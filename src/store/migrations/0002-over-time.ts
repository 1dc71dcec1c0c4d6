import { type Kysely, sql } from 'kysely'
import type { Migration } from 'kysely/migration'

/**
 * What the console draws over time: sums in slots, states of agents, tries of agents, and indexes of the log by agent
 * and by open questions. Frozen once released. The sums are made from the events that are there already.
 */
export const overTime: Migration = {
  async up(db: Kysely<unknown>): Promise<void> {
    await db.schema
      .createTable('usage_sums')
      .addColumn('namespace', 'text', (c) => c.notNull())
      .addColumn('grain', 'bigint', (c) => c.notNull())
      .addColumn('kind', 'text', (c) => c.notNull())
      .addColumn('slot', 'bigint', (c) => c.notNull())
      .addColumn('agent', 'text', (c) => c.notNull())
      .addColumn('model', 'text', (c) => c.notNull())
      .addColumn('outcome', 'text', (c) => c.notNull())
      .addColumn('bin', 'integer', (c) => c.notNull())
      .addColumn('n', 'bigint', (c) => c.notNull())
      .addColumn('input_tokens', 'bigint', (c) => c.notNull())
      .addColumn('output_tokens', 'bigint', (c) => c.notNull())
      .addColumn('unknown_usage', 'bigint', (c) => c.notNull())
      .addColumn('calls', 'bigint', (c) => c.notNull())
      .addPrimaryKeyConstraint('usage_sums_pk', [
        'namespace',
        'grain',
        'kind',
        'slot',
        'agent',
        'model',
        'outcome',
        'bin',
      ] as never[])
      // Read in the order of its key and never by anything else: half the size, and one tree to write to.
      .modifyEnd(sql`without rowid`)
      .execute()

    await db.schema
      .createTable('agent_states')
      .addColumn('namespace', 'text', (c) => c.notNull())
      .addColumn('agent', 'text', (c) => c.notNull())
      .addColumn('at', 'bigint', (c) => c.notNull())
      .addColumn('state', 'text', (c) => c.notNull())
      .addColumn('breaker', 'text', (c) => c.notNull())
      .addColumn('reason', 'text', (c) => c.notNull())
      .addPrimaryKeyConstraint('agent_states_pk', ['namespace', 'agent', 'at'] as never[])
      .execute()

    await db.schema
      .createTable('tries')
      .addColumn('namespace', 'text', (c) => c.notNull())
      .addColumn('id', 'text', (c) => c.notNull())
      .addColumn('agent', 'text', (c) => c.notNull())
      .addColumn('created_at', 'bigint', (c) => c.notNull())
      .addColumn('try', 'text', (c) => c.notNull())
      .addPrimaryKeyConstraint('tries_pk', ['namespace', 'id'] as never[])
      .execute()
    await db.schema.createIndex('tries_by_agent').on('tries').columns(['namespace', 'agent', 'created_at']).execute()

    await sql`create index events_by_agent on events (namespace, json_extract(data, '$.agent'), at, run, seq)
      where type in ('task_finished', 'task_failed')`.execute(db)
    await sql`create index events_asking on events (namespace, run)
      where type in ('approval_requested', 'effect_question', 'wait_started')`.execute(db)

    await overTimeSums(db)
  },
}

/** Ten bins for each power of ten, as src/metrics/latency-bins.ts had them when this was released. */
const bin = (ms: ReturnType<typeof sql>) =>
  sql`case when ${ms} < 1 then 0 else min(81, 1 + cast(10 * log10(${ms}) + 1e-9 as integer)) end`

/** Failures that say nothing of the agent, as src/agents/failure-blame.ts had them. */
const notTheAgents = sql`('invalid_input', 'forbidden', 'refused', 'too_large', 'unsupported', 'budget_exhausted', 'conflict', 'busy', 'cancelled')`

export async function overTimeSums(db: Kysely<unknown>): Promise<void> {
  const duration = sql`json_extract(e.data, '$.duration_ms')`
  const tokens = (name: string) => sql`json_extract(e.data, ${sql.lit(`$.usage.${name}`)})`
  for (const grain of [300_000, 3_600_000, 86_400_000]) {
    const size = sql.lit(grain)
    // What a fork shares with its source is dated before the fork was made, and was counted there.
    await sql`
      insert into usage_sums
      select e.namespace, ${size}, 'task', e.at / ${size} * ${size},
        coalesce(json_extract(e.data, '$.agent'), ''), coalesce(json_extract(e.data, '$.model'), ''),
        case when e.type = 'task_finished' then 'completed'
          when json_extract(e.data, '$.agent') is null or json_extract(e.data, '$.failure.kind') in ${notTheAgents} then 'other'
          else 'failed' end,
        ${bin(duration)}, count(*), sum(coalesce(${tokens('input_tokens')}, 0)), sum(coalesce(${tokens('output_tokens')}, 0)),
        sum(case when ${tokens('input_tokens')} is null or ${tokens('output_tokens')} is null then ${tokens('calls')} else 0 end),
        sum(${tokens('calls')})
      from events e join runs r on r.namespace = e.namespace and r.id = e.run
      where e.type in ('task_finished', 'task_failed') and e.at >= r.created_at
      group by 1, 4, 5, 6, 7, 8`.execute(db)
    await sql`
      insert into usage_sums
      select e.namespace, ${size}, 'run', e.at / ${size} * ${size}, '', '', json_extract(e.data, '$.status'),
        ${bin(sql`(e.at - coalesce(r.started_at, r.created_at))`)}, count(*), 0, 0, 0, 0
      from events e join runs r on r.namespace = e.namespace and r.id = e.run
      where e.type = 'run_finished'
      group by 1, 4, 7, 8`.execute(db)
  }
}
