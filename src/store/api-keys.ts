import { sql } from 'kysely'
import { keySum, verifySum } from './checksum.ts'
import type { StoreAccess, StoreSchema } from './schema.ts'
import type { ApiKey, Store } from './store.ts'

/** Sessions of one key that are kept; the oldest go. */
const MOST_SESSIONS = 100
/** Keys that a list shows. */
const LISTED = 1_000

export function apiKeyStore({ db, namespace }: StoreAccess): Store['api_keys'] {
  const all = () => db.selectFrom('api_keys').selectAll().where('namespace', '=', namespace)
  const sessions = () => db.selectFrom('api_sessions').where('namespace', '=', namespace)
  /** False when somebody else has ended it meanwhile. */
  const end = async (row: Row, revoked_at: number, revoked_by: string): Promise<boolean> => {
    verified(row)
    const { numUpdatedRows } = await db
      .updateTable('api_keys')
      .set({ revoked_at, revoked_by, sum: keySum(namespace, { ...row, revoked_at, revoked_by }) })
      .where('namespace', '=', namespace)
      .where('id', '=', row.id)
      .where('revoked_at', 'is', null)
      .executeTakeFirst()
    return numUpdatedRows > 0n
  }
  return {
    async put(key) {
      // What has expired gives its name free.
      const expired = await all()
        .where('name', '=', key.name)
        .where('revoked_at', 'is', null)
        .where('expires_at', '<=', key.created_at)
        .execute()
      for (const row of expired) await end(row, key.created_at, 'expiry')
      const row = { ...key, permissions: key.permissions.join(' ') }
      const made = await db
        .insertInto('api_keys')
        .values({ namespace, ...row, sum: keySum(namespace, row) })
        .onConflict((conflict) => conflict.doNothing())
        .executeTakeFirst()
      return (made.numInsertedOrUpdatedRows ?? 0n) > 0n
    },

    async list({ revoked }) {
      let query = all()
        .orderBy(sql`revoked_at is not null`)
        .orderBy('created_at', 'desc')
        .orderBy('id', 'desc')
        .limit(LISTED)
      if (!revoked) query = query.where('revoked_at', 'is', null)
      return (await query.execute()).map(keyOf)
    },

    async find(given) {
      const row = await all()
        .where('revoked_at', 'is', null)
        .where((is) => is.or([is('id', '=', given), is('name', '=', given)]))
        // A name may look like an id.
        .orderBy(sql`id = ${given}`, 'desc')
        .executeTakeFirst()
      return row === undefined ? null : keyOf(row)
    },

    async of_prefix(prefix) {
      return (await all().where('prefix', '=', prefix).execute()).map(keyOf)
    },

    async revoke(id, at, by) {
      await db.deleteFrom('api_sessions').where('namespace', '=', namespace).where('key', '=', id).execute()
      const row = await all().where('id', '=', id).where('revoked_at', 'is', null).executeTakeFirst()
      return row !== undefined && (await end(row, at, by))
    },

    async used(id, at) {
      await db
        .updateTable('api_keys')
        .set({ last_used_at: at })
        .where('namespace', '=', namespace)
        .where('id', '=', id)
        .execute()
    },

    async open_session({ hash, key, created_at, expires_at }) {
      await db.insertInto('api_sessions').values({ namespace, hash, key, created_at, expires_at }).execute()
      const kept = sessions()
        .select('hash')
        .where('key', '=', key)
        .orderBy('created_at', 'desc')
        .orderBy('hash')
        .limit(MOST_SESSIONS)
      await db
        .deleteFrom('api_sessions')
        .where('namespace', '=', namespace)
        .where((is) =>
          is.or([is('expires_at', '<=', created_at), is.and([is('key', '=', key), is('hash', 'not in', kept)])]),
        )
        .execute()
    },

    async session(hash) {
      const row = await db
        .selectFrom('api_sessions')
        .innerJoin('api_keys', (join) =>
          join.onRef('api_keys.id', '=', 'api_sessions.key').onRef('api_keys.namespace', '=', 'api_sessions.namespace'),
        )
        .selectAll('api_keys')
        .select('api_sessions.expires_at as session_expires_at')
        .where('api_sessions.namespace', '=', namespace)
        .where('api_sessions.hash', '=', hash)
        .executeTakeFirst()
      if (row === undefined) return null
      const { session_expires_at, ...key } = row
      return { key: keyOf(key), expires_at: session_expires_at }
    },

    async close_session(hash) {
      await db.deleteFrom('api_sessions').where('namespace', '=', namespace).where('hash', '=', hash).execute()
    },
  }
}

type Row = StoreSchema['api_keys']

const verified = (row: Row): void => verifySum(`API key ${row.id}`, row.sum, keySum(row.namespace, row))

function keyOf(row: Row): ApiKey {
  verified(row)
  const { namespace: _, sum: __, permissions, ...key } = row
  return { ...key, permissions: permissions.split(' ') }
}
