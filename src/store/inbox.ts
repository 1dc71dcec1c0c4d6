import { sql } from 'kysely'
import type { InputType, RunInput } from '../workflow/event.ts'
import { bind } from './bind.ts'
import { mailSum, verifySum } from './checksum.ts'
import { repeated } from './repeated.ts'
import { oldestFirst, unfinishedStatuses } from './runs.ts'
import type { StoreAccess } from './schema.ts'
import type { Store } from './store.ts'
import { damaged, StoreFailure } from './store-failure.ts'

export function inboxStore({ db, namespace }: StoreAccess): Store['inbox'] {
  const known = async (run: string, eid: string): Promise<number | null> => {
    const row = await db
      .selectFrom('inbox')
      .select('n')
      .where('namespace', '=', namespace)
      .where('run', '=', run)
      .where('eid', '=', eid)
      .executeTakeFirst()
    return row?.n ?? null
  }

  const mailOf = repeated(
    db,
    db
      .selectFrom('inbox')
      .select(['n', 'eid', 'at', 'type', 'data', 'sum'])
      .where('namespace', '=', '')
      .where('run', '=', '')
      .where('n', '>', 0)
      .orderBy('n')
      .limit(1),
  )

  return {
    async put(run, eid, input) {
      const already = await known(run, eid)
      if (already !== null) return already
      const at = bind(input.at)
      const data = JSON.stringify(input.data)
      const sum = mailSum(namespace, run, { eid, at, type: input.type, data })
      // Number and row in one statement: gapless, whoever else writes.
      const row = await db
        .insertInto('inbox')
        .columns(['namespace', 'run', 'n', 'eid', 'at', 'type', 'data', 'sum'])
        .expression((eb) =>
          eb
            .selectFrom('inbox')
            .select([
              sql.val(namespace).as('namespace'),
              sql.val(run).as('run'),
              sql<number>`coalesce(max(n), 0) + 1`.as('n'),
              sql.val(eid).as('eid'),
              sql.val(input.at).as('at'),
              sql.val(input.type).as('type'),
              sql.val(data).as('data'),
              sql.val(sum).as('sum'),
            ])
            .where('namespace', '=', namespace)
            .where('run', '=', run),
        )
        .onConflict((conflict) => conflict.columns(['namespace', 'run', 'eid']).doNothing())
        .returning('n')
        .executeTakeFirst()
      const n = row?.n ?? (await known(run, eid))
      if (n === null) throw new Error(`mail ${eid} of ${run} was neither stored nor there`)
      return n
    },

    async read(run, after, limit) {
      const rows = await mailOf(namespace, run, after, limit)
      for (const [i, row] of rows.entries()) {
        if (row.n !== after + 1 + i) throw new StoreFailure(damaged(`mail ${after + 1 + i} of ${run} is missing`))
        verifySum(`mail ${row.n} of ${run}`, row.sum, mailSum(namespace, run, row))
      }
      return rows.map(
        // As with events: type and data were written together.
        (row) => ({ at: row.at, type: row.type as InputType, data: JSON.parse(row.data), mail: row.n }) as RunInput,
      )
    },

    async waiting() {
      const rows = await db
        .selectFrom('runs')
        .select(['id', 'created_at'])
        .where('namespace', '=', namespace)
        .where('status', 'in', unfinishedStatuses)
        .where((eb) =>
          eb.exists(
            eb
              .selectFrom('inbox')
              .select('n')
              .whereRef('inbox.namespace', '=', 'runs.namespace')
              .whereRef('inbox.run', '=', 'runs.id')
              .whereRef('inbox.n', '>', 'runs.mail'),
          ),
        )
        .execute()
      return rows.sort(oldestFirst).map((row) => row.id)
    },
  }
}
