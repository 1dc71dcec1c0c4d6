import type { Json } from '../workflow/value.ts'
import { effectSum, verifySum } from './checksum.ts'
import type { StoreAccess } from './schema.ts'
import type { Store } from './store.ts'

/** How deep runs may start each other, and more. */
const DEEPEST = 64

export function effectStore({ db, namespace, now }: StoreAccess): Store['effects'] {
  const get: Store['effects']['get'] = async (key) => {
    const row = await db
      .selectFrom('effects')
      .select(['state', 'result', 'agent', 'attempt', 'sum'])
      .where('namespace', '=', namespace)
      .where('key', '=', key)
      .executeTakeFirst()
    if (!row) return null
    verifySum(`the record of effect ${key}`, row.sum, effectSum(namespace, key, row))
    switch (row.state) {
      case 'done':
        return { state: 'done', result: JSON.parse(row.result ?? 'null') as Json }
      case 'pending':
        return { state: 'pending', by: { agent: row.agent, attempt: row.attempt } }
      case 'forgotten':
        return null
    }
  }

  /** Whether the run, or one that it was started by, came out of a backup before it had ended. */
  const isRestored = async (id: string): Promise<boolean> => {
    let run: string | null = id
    for (let depth = 0; run !== null && depth < DEEPEST; depth++) {
      const row: { restored: number; parent: string | null } | undefined = await db
        .selectFrom('runs')
        .select(['restored', 'parent'])
        .where('namespace', '=', namespace)
        .where('id', '=', run)
        .executeTakeFirst()
      if (row?.restored === 1) return true
      run = row?.parent ?? null
    }
    return false
  }

  return {
    get,

    async begin(key, run, task, by) {
      const restored = await isRestored(run)
      const sum = effectSum(namespace, key, { state: 'pending', ...by, result: null })
      for (;;) {
        const written = await db
          .insertInto('effects')
          .values({ namespace, key, run, task, ...by, state: 'pending', result: null, created_at: now(), sum })
          .onConflict((conflict) => conflict.columns(['namespace', 'key']).doNothing())
          .returning('key')
          .executeTakeFirst()
        // What was begun after the backup has no record here: it may have happened, like one that was interrupted.
        if (written) return restored ? { state: 'pending', by } : { state: 'new' }
        const again = await db
          .updateTable('effects')
          .set({ state: 'pending', ...by, sum })
          .where('namespace', '=', namespace)
          .where('key', '=', key)
          .where('state', '=', 'forgotten')
          .returning('key')
          .executeTakeFirst()
        if (again) return { state: 'new' }
        const record = await get(key)
        // Null: forgotten between the two statements; write it anew.
        if (record) return record
      }
    },

    async done(key, result) {
      const text = JSON.stringify(result)
      const sum = effectSum(namespace, key, { state: 'done', agent: '', attempt: 0, result: text })
      // Also when nothing is pending any more (somebody declared it not to have happened): that it did is the safer record.
      // The first result stands.
      await db
        .insertInto('effects')
        .values({
          namespace,
          key,
          run: '',
          task: '',
          agent: '',
          attempt: 0,
          state: 'done',
          result: text,
          created_at: now(),
          sum,
        })
        .onConflict((conflict) =>
          conflict
            .columns(['namespace', 'key'])
            .doUpdateSet({ state: 'done', result: text, sum })
            .where('effects.state', '!=', 'done'),
        )
        .execute()
    },

    async forget(key) {
      const pending = await get(key)
      if (pending?.state !== 'pending') return
      await db
        .updateTable('effects')
        .set({
          state: 'forgotten',
          sum: effectSum(namespace, key, { state: 'forgotten', ...pending.by, result: null }),
        })
        .where('namespace', '=', namespace)
        .where('key', '=', key)
        .where('state', '=', 'pending')
        // Somebody may have begun it anew meanwhile.
        .where('agent', '=', pending.by.agent)
        .where('attempt', '=', pending.by.attempt)
        .execute()
    },
  }
}
