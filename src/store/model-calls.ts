/**
 * Calls of models through the gateway. What begins within one turn of the event loop is one commit, and what has ended
 * goes along with the next one, or by itself after a moment. A call whose end a crash takes along counts as one that
 * never ended.
 *
 * No commit here waits for the disk: what was committed is there whatever becomes of the program, and is synced behind its
 * back at once (wal-sync.ts). Only a loss of power within these milliseconds takes it along, and then the attempt that was
 * in hand is charged as a whole.
 *
 * Prepared statements, not Kysely, for what is written: see sqlite-commit.ts.
 */
import { createHash } from 'node:crypto'
import type { DatabaseSync, SQLInputValue } from 'node:sqlite'
import { bind } from './bind.ts'
import type { StoreAccess } from './schema.ts'
import type { ModelCall, Store } from './store.ts'
import { openWalSync } from './wal-sync.ts'
import type { WriteTurns } from './write-turns.ts'

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

/** @param turn for the file: another connection may write to it, too */
export function modelCallStore(
  { db, namespace, now }: StoreAccess,
  sqlite: DatabaseSync,
  turn: WriteTurns,
): Store['model_calls'] & { end_all: () => Promise<void> } {
  const behind = openWalSync(sqlite.location())
  const unsynced = sqlite.prepare('pragma synchronous = normal')
  const synced = sqlite.prepare('pragma synchronous = full')
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
  const waiting: Waiting[] = []
  let soon: NodeJS.Immediate | null = null
  let later: NodeJS.Timeout | null = null

  const flush = (): Promise<void> => {
    if (later !== null) clearTimeout(later)
    later = null
    return turn(async () => {
      soon = null
      commitAll(waiting.splice(0))
    })
  }
  const commitAll = (all: Waiting[]): void => {
    if (all.length === 0) return
    const quick = behind.works()
    try {
      if (quick) unsynced.run()
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
      if (quick) behind.sync()
    } catch (error) {
      for (const { failed } of all) failed(error)
    } finally {
      if (quick) synced.run()
    }
  }
  const write = (work: () => void, may_wait = false): Promise<void> =>
    new Promise((done, failed) => {
      waiting.push({ write: work, done, failed })
      if (soon !== null) return
      if (may_wait) later ??= setTimeout(() => void flush(), END_WAITS_MS)
      else soon = setImmediate(() => void flush())
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

    end_all: async () => {
      await flush()
      await behind.close()
    },

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
