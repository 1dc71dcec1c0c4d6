/** Every row against its checksum or the hash it stands under: what reading would find, for the whole file at once. */
import { createHash } from 'node:crypto'
import type { DatabaseSync } from 'node:sqlite'
import type { Failure } from '../failure.ts'
import { agentSum, effectSum, eventSum, keySum, mailSum, runSum } from './checksum.ts'
import type { StoreSchema } from './schema.ts'
import { damaged } from './store-failure.ts'

type Rows<T extends keyof StoreSchema> = Iterable<StoreSchema[T]>

const sha256 = (content: string | Uint8Array): string => `sha256:${createHash('sha256').update(content).digest('hex')}`

/** Null when all is as it was written. A database of before there were checksums has only hashes to hold to. */
export function verifyRows(db: DatabaseSync): Failure | null {
  const wrong = (what: string): Failure => damaged(`${what} is not what was written`)
  const all = <T extends keyof StoreSchema>(table: T, order: string): Rows<T> =>
    db.prepare(`select * from ${table} order by ${order}`).iterate() as unknown as Rows<T>

  for (const row of all('definitions', 'namespace, hash'))
    if (sha256(row.definition) !== row.hash) return wrong(`definition ${row.name}@${row.version}`)
  for (const row of all('blobs', 'namespace, hash'))
    if (sha256(row.bytes) !== row.hash) return wrong(`value ${row.hash}`)
  if (hasSums(db, 'api_keys'))
    for (const row of all('api_keys', 'namespace, id'))
      if (row.sum !== keySum(row.namespace, row)) return wrong(`API key ${row.id}`)
  if (!hasSums(db, 'events')) return null

  for (const row of all('runs', 'namespace, id'))
    if (row.sum !== runSum(row.namespace, row)) return wrong(`the row of ${row.id}`)
  for (const row of all('agents', 'namespace, id'))
    if (row.sum !== agentSum(row.namespace, row.id, row.agent)) return wrong(`agent ${row.id}`)
  for (const row of all('effects', 'namespace, key'))
    if (row.sum !== effectSum(row.namespace, row.key, row)) return wrong(`the record of effect ${row.key}`)
  let before: { namespace: string; run: string; n: number } | null = null
  /** Numbers begin at 1 and have no gaps. */
  const follows = (namespace: string, run: string, n: number): boolean => {
    const first = before === null || before.namespace !== namespace || before.run !== run
    const follow = n === (first ? 1 : (before?.n ?? 0) + 1)
    before = { namespace, run, n }
    return follow
  }
  for (const row of all('events', 'namespace, run, seq')) {
    if (row.sum !== eventSum(row.namespace, row.run, row)) return wrong(`event ${row.seq} of ${row.run}`)
    if (!follows(row.namespace, row.run, row.seq)) return damaged(`events of ${row.run} before ${row.seq} are missing`)
  }
  before = null
  for (const row of all('inbox', 'namespace, run, n')) {
    if (row.sum !== mailSum(row.namespace, row.run, row)) return wrong(`mail ${row.n} of ${row.run}`)
    if (!follows(row.namespace, row.run, row.n)) return damaged(`mail of ${row.run} before ${row.n} is missing`)
  }
  const short = db
    .prepare(
      `select id, seq from runs r where seq > (
         select coalesce(max(e.seq), 0) from events e where e.namespace = r.namespace and e.run = r.id) limit 1`,
    )
    .get() as { id: string; seq: number } | undefined
  return short === undefined ? null : damaged(`the events of ${short.id} end before ${short.seq}`)
}

/** Whether the table, if there is one, is of a time when its rows had checksums. */
export const hasSums = (db: DatabaseSync, table: keyof StoreSchema): boolean =>
  db.prepare("select 1 from pragma_table_info(?) where name = 'sum'").get(table) !== undefined
