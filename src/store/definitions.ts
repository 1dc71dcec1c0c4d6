import { createHash } from 'node:crypto'
import { sql } from 'kysely'
import { canonicalJson, contentHash } from '../workflow/content-hash.ts'
import type { Definition } from '../workflow/definition.ts'
import { type Cursor, fold, likePattern, pageSize, readCursor, searchWords, writeCursor } from './cursor.ts'
import type { StoreAccess } from './schema.ts'
import type { Store, StoredDefinition } from './store.ts'
import { damaged, StoreFailure } from './store-failure.ts'

const summary = [
  'hash',
  'name',
  'version',
  'created_at',
  'by',
  'note',
] as const satisfies readonly (keyof StoredDefinition)[]

const columns = [
  'namespace',
  'hash',
  'name',
  'version',
  'definition',
  'created_at',
  'by',
  'note',
  'search',
  'restored',
] as const

export function definitionStore({ db, namespace, now }: StoreAccess): Store['definitions'] {
  const all = () => db.selectFrom('definitions').where('namespace', '=', namespace)

  const latest = () =>
    all().where((eb) =>
      eb.not(
        eb.exists(
          eb
            .selectFrom('definitions as newer')
            .select('newer.version')
            .whereRef('newer.namespace', '=', 'definitions.namespace')
            .whereRef('newer.name', '=', 'definitions.name')
            .whereRef('newer.version', '>', 'definitions.version'),
        ),
      ),
    )

  const byHash = async (hash: string): Promise<StoredDefinition | null> =>
    whole(
      await all()
        .select([...summary, 'definition'])
        .where('hash', '=', hash)
        .where('restored', '=', 0)
        .executeTakeFirst(),
    )

  const latestOf = async (name: string): Promise<StoredDefinition | null> =>
    whole(
      await all()
        .select([...summary, 'definition'])
        .where('name', '=', name)
        .orderBy('version', 'desc')
        .limit(1)
        .executeTakeFirst(),
    )

  /** The next version of a name, in one statement with its row, so that two writers never get the same one. */
  const next = (
    definition: Definition,
    { hash, by, note, restored }: { hash: string; by: string; note: string; restored: boolean },
  ) => {
    const version = sql<number>`coalesce(max(version), 0) + 1`
    return db
      .selectFrom('definitions')
      .select([
        sql.val(namespace).as('namespace'),
        sql.val(hash).as('hash'),
        sql.val(definition.name).as('name'),
        version.as('version'),
        sql.val(canonicalJson(definition)).as('definition'),
        sql.val(now()).as('created_at'),
        sql.val(by).as('by'),
        sql.val(note).as('note'),
        sql.val(fold(`${definition.name} ${definition.description ?? ''}`)).as('search'),
        (restored ? version : sql.val(0)).as('restored'),
      ])
      .where('namespace', '=', namespace)
      .where('name', '=', definition.name)
  }

  return {
    async put(definition, by, note) {
      const hash = contentHash(definition)
      await db
        .insertInto('definitions')
        .columns([...columns])
        .expression(next(definition, { hash, by, note, restored: false }))
        .onConflict((conflict) => conflict.columns(['namespace', 'hash', 'restored']).doNothing())
        .execute()
      const stored = await byHash(hash)
      if (!stored) throw new Error(`definition ${hash} was stored and is not there`)
      return stored
    },

    async restore(hash, by, note) {
      const old = await byHash(hash)
      if (old === null) return null
      await db
        .insertInto('definitions')
        .columns([...columns])
        .expression(
          // Looked at by the statement that writes, so that two who restore at once make one version.
          next(old.definition, { hash, by, note, restored: true }).having(
            sql<boolean>`(select l.hash from definitions l where l.namespace = ${namespace} and l.name = ${old.name}
              order by l.version desc limit 1) <> ${hash}`,
          ),
        )
        .execute()
      return latestOf(old.name)
    },

    async get(reference) {
      const hit = reference.startsWith('sha256:') ? await byHash(reference) : null
      if (hit) return hit
      const at = reference.lastIndexOf('@')
      if (at === -1) return latestOf(reference)
      const version = reference.slice(at + 1)
      if (!/^[1-9][0-9]{0,8}$/.test(version)) return null
      return whole(
        await all()
          .select([...summary, 'definition'])
          .where('name', '=', reference.slice(0, at))
          .where('version', '=', Number(version))
          .executeTakeFirst(),
      )
    },

    async list(filter) {
      let cursor: Cursor | null = null
      if (filter.cursor !== undefined) {
        const read = readCursor(filter.cursor)
        if (!read.ok) return { items: [], next: null, total: null }
        cursor = read.value
      }
      let query = latest().select(summary)
      for (const word of searchWords(filter.text ?? '')) {
        query = query.where((eb) => sql<boolean>`${eb.ref('definitions.search')} like ${likePattern(word)} escape '\\'`)
      }
      if (cursor) {
        const { at, id } = cursor
        query = query.where((eb) => eb(eb.refTuple('created_at', 'hash'), '<', eb.tuple(at, id)))
      }
      const size = pageSize(filter.limit)
      const rows = await query
        .orderBy('created_at', 'desc')
        .orderBy('hash', 'desc')
        .limit(size + 1)
        .execute()
      const items = rows.slice(0, size).map((row) => ({ ...row }))
      const last = rows.length > size ? items.at(-1) : undefined
      const total =
        filter.text || cursor
          ? null
          : (
              await all()
                .select((eb) => eb.fn.count<number>('name').distinct().as('n'))
                .executeTakeFirstOrThrow()
            ).n
      return { items, next: last ? writeCursor({ at: last.created_at, id: last.hash }) : null, total }
    },

    async versions(name) {
      const rows = await all().select(summary).where('name', '=', name).orderBy('version', 'desc').execute()
      return rows.map((row) => ({ ...row }))
    },
  }
}

const whole = (
  row: (Omit<StoredDefinition, 'definition'> & { definition: string }) | undefined,
): StoredDefinition | null => {
  if (!row) return null
  // The hash is over the very text that is stored (content-hash.ts).
  if (row.hash !== `sha256:${createHash('sha256').update(row.definition).digest('hex')}`)
    throw new StoreFailure(damaged(`definition ${row.name}@${row.version} is not what was written`))
  return { ...row, definition: JSON.parse(row.definition) as Definition }
}
