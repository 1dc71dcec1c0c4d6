/**
 * The thread that stores events, on a connection of its own: putting them into tables and waiting for the disk takes as
 * long as everything else that the program does for a task. Asked by event-commits.ts, one work at a time.
 */
import { DatabaseSync } from 'node:sqlite'
import { parentPort, workerData } from 'node:worker_threads'
import type { RunEvent } from '../workflow/event.ts'
import { sqliteCommit } from './sqlite-commit.ts'
import { sqlitePragmas } from './sqlite-pragmas.ts'
import type { EventBatch, RunRow } from './store.ts'

/** Comes as text: copying objects from thread to thread is several times the work. */
export type ThreadWork = { append: readonly EventBatch[] } | { create: { row: RunRow; events: readonly RunEvent[] }[] }

/** An error crosses threads without the number that SQLite gave it. */
export type ThreadError = { message: string; stack?: string; code?: string; errcode?: number }
export type Appended = { stored: string[]; fenced: string[]; damaged: string[] }
export type ThreadAnswer = { appended: Appended } | { created: (boolean | ThreadError)[] } | { error: ThreadError }

const { path, namespace } = workerData as { path: string; namespace: string }
const db = new DatabaseSync(path, { timeout: 5_000 })
db.exec(sqlitePragmas)
const commit = sqliteCommit(db, namespace)

const crossing = (error: unknown): ThreadError => {
  const { message, stack, code, errcode } = error as Error & ThreadError
  return { message, ...(stack && { stack }), ...(code && { code }), ...(errcode !== undefined && { errcode }) }
}

function attempt<T>(work: () => T): T | ThreadError {
  try {
    return work()
  } catch (error) {
    return crossing(error)
  }
}

function answerTo(work: ThreadWork): ThreadAnswer {
  if ('append' in work) return { appended: commit.append(work.append) }
  try {
    return { created: commit.create(work.create) }
  } catch (error) {
    if (work.create.length === 1) return { error: crossing(error) }
    // Whoever asked for the one that cannot be stored must not take the others along.
    return { created: work.create.map((one) => attempt(() => commit.create([one])[0] === true)) }
  }
}

parentPort?.on('message', (message: string | null) => {
  if (message === null) {
    db.close()
    parentPort?.close()
    return
  }
  const answer = attempt(() => answerTo(JSON.parse(message) as ThreadWork))
  parentPort?.postMessage('message' in answer ? { error: answer } : answer)
})
