/**
 * Calls of models through the gateway. A commit waits for the disk, so they are shared: what begins within one turn of
 * the event loop is one commit, and what has ended goes along with the next one, or by itself after a moment. A call
 * whose end a crash takes along counts as one that never ended.
 *
 * Prepared statements, not Kysely, for what is written: see sqlite-commit.ts.
 */
import { createHash } from 'node:crypto'
import type { DatabaseSync, SQLInputValue } from 'node:sqlite'
import { bind } from './bind.ts'
import type { StoreAccess } from './schema.ts'
import type { ModelCall, Store } from './store.ts'

const columns = [
  'run',
  'task',
  'attempt',
  'agent',
  'access',
  'position',
  'endpoint',
  'content',
  'at',
  'reserved_tokens',
  'outcome',
  'model',
  'input_tokens',
  'output_tokens',
  'estimated',
  'first_token_ms',
  'duration_ms',
  'replayed',
  'closed',
  'request',
  'answer',
] as const satisfies readonly (keyof ModelCall)[]

const ended = [
  'reserved_tokens',
  'outcome',
  'model',
  'input_tokens',
  'output_tokens',
  'estimated',
  'first_token_ms',
  'duration_ms',
] as const

/** How long the end of a call waits for company. */
const END_WAITS_MS = 100

type Waiting = { write: () => void; done: () => void; failed: (error: unknown) => void }

export function modelCallStore({ db, namespace, now }: StoreAccess, sqlite: DatabaseSync): Store['model_calls'] {
  const begin = sqlite.prepare('begin immediate')
  const commit = sqlite.prepare('commit')
  const rollback = sqlite.prepare('rollback')
  const insert = sqlite.prepare(
    `insert into model_calls (namespace, ${columns.join(', ')}) values (?${', ?'.repeat(columns.length)})`,
  )
  const update = sqlite.prepare(
    `update model_calls set ${[...ended, 'request', 'answer'].map((name) => `${name} = ?`).join(', ')} where namespace = ? and access = ? and position = ?`,
  )
  const close = sqlite.prepare('update model_calls set closed = 1 where namespace = ? and access = ?')
  const keep = sqlite.prepare(
    'insert into blobs (namespace, hash, bytes, created_at) values (?, ?, ?, ?) on conflict (namespace, hash) do nothing',
  )
  let waiting: Waiting[] = []
  let soon: NodeJS.Immediate | null = null
  let later: NodeJS.Timeout | null = null

  const flush = (): void => {
    if (later !== null) clearTimeout(later)
    soon = null
    later = null
    const all = waiting
    waiting = []
    try {
      begin.run()
      try {
        for (const { write } of all) write()
        commit.run()
      } catch (error) {
        // SQLite rolls back by itself on some errors (disk full).
        if (sqlite.isTransaction) rollback.run()
        throw error
      }
      for (const { done } of all) done()
    } catch (error) {
      for (const { failed } of all) failed(error)
    }
  }
  const write = (work: () => void, may_wait = false): Promise<void> =>
    new Promise((done, failed) => {
      waiting.push({ write: work, done, failed })
      if (soon !== null) return
      if (may_wait) later ??= setTimeout(flush, END_WAITS_MS)
      else soon = setImmediate(flush)
    })

  const kept = (bytes: Uint8Array | null): SQLInputValue => {
    if (bytes === null) return null
    const hash = `sha256:${createHash('sha256').update(bytes).digest('hex')}`
    keep.run(namespace, hash, bytes, now())
    return hash
  }

  const rows = () => db.selectFrom('model_calls').selectAll().where('namespace', '=', namespace)
  type Row = Awaited<ReturnType<ReturnType<typeof rows>['executeTakeFirstOrThrow']>>
  const callOf = ({ namespace: _, estimated, replayed, closed, ...row }: Row): ModelCall & { n: number } => ({
    ...row,
    estimated: estimated === 1,
    replayed: replayed === 1,
    closed: closed === 1,
  })

  return {
    begin: (call) => write(() => void insert.run(namespace, ...columns.map((name) => bind(call[name])))),

    end: (access, position, end, { request, answer }) =>
      write(() => {
        const values = [...ended.map((name) => bind(end[name])), kept(request), kept(answer)]
        update.run(...values, namespace, access, position)
      }, true),

    close: (access) => write(() => void close.run(namespace, access)),

    async of_task(run, task) {
      const found = await rows().where('run', '=', run).where('task', '=', task).orderBy('n').execute()
      return found.map((row) => {
        const { n: _, ...call } = callOf(row)
        return call
      })
    },

    async list(run, after, limit) {
      const found = await rows().where('run', '=', run).where('n', '>', after).orderBy('n').limit(limit).execute()
      return found.map(callOf)
    },
  }
}
