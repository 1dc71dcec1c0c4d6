import type { Json } from '../workflow/value.ts'
import type { StoreAccess } from './schema.ts'
import type { Store } from './store.ts'

export function effectStore({ db, namespace, now }: StoreAccess): Store['effects'] {
  const get: Store['effects']['get'] = async (key) => {
    const row = await db
      .selectFrom('effects')
      .select(['state', 'result', 'agent', 'attempt'])
      .where('namespace', '=', namespace)
      .where('key', '=', key)
      .executeTakeFirst()
    if (!row) return null
    return row.state === 'done'
      ? { state: 'done', result: JSON.parse(row.result ?? 'null') as Json }
      : { state: 'pending', by: { agent: row.agent, attempt: row.attempt } }
  }

  return {
    get,

    async begin(key, run, task, by) {
      for (;;) {
        const written = await db
          .insertInto('effects')
          .values({
            namespace,
            key,
            run,
            task,
            agent: by.agent,
            attempt: by.attempt,
            state: 'pending',
            result: null,
            created_at: now(),
          })
          .onConflict((conflict) => conflict.columns(['namespace', 'key']).doNothing())
          .returning('key')
          .executeTakeFirst()
        if (written) return { state: 'new' }
        const record = await get(key)
        // Null: forgotten between the two statements; write it anew.
        if (record) return record
      }
    },

    async done(key, result) {
      const text = JSON.stringify(result)
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
        })
        .onConflict((conflict) =>
          conflict
            .columns(['namespace', 'key'])
            .doUpdateSet({ state: 'done', result: text })
            .where('effects.state', '=', 'pending'),
        )
        .execute()
    },

    async forget(key) {
      await db
        .deleteFrom('effects')
        .where('namespace', '=', namespace)
        .where('key', '=', key)
        .where('state', '=', 'pending')
        .execute()
    },
  }
}
