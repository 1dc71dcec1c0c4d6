/**
 * Stores runs and their events, in a thread of its own where the program has much else to do.
 *
 * Invariants:
 *  T1. One work at a time, and never while this thread writes (write-turns.ts): nobody waits for the file's lock.
 *  T2. A thread that ends is begun anew with the next work. Whether its last work was stored is not known; appending it
 *      again changes nothing (sqlite-commit.ts, C3).
 */
import { extname, join } from 'node:path'
import { SHARE_ENV, Worker } from 'node:worker_threads'
import type { RunEvent } from '../workflow/event.ts'
import type { Appended, ThreadAnswer, ThreadError, ThreadWork } from './commit-thread.ts'
import type { Commit } from './sqlite-commit.ts'
import type { EventBatch, RunRow } from './store.ts'
import { openWriteTurns, type WriteTurns } from './write-turns.ts'

export type EventCommits = {
  append: (batches: readonly EventBatch[]) => Promise<Appended>
  /** False when the id exists. */
  create: (row: RunRow, events: readonly RunEvent[]) => Promise<boolean>
  /** For everything else that writes to the file. */
  turn: WriteTurns
  close: () => Promise<void>
}

/** For a store of one thread. */
export const commitsHere = (commit: Commit): EventCommits => ({
  append: async (batches) => commit.append(batches),
  create: async (row, events) => commit.create([{ row, events }])[0] === true,
  turn: (write) => write(),
  close: async () => undefined,
})

const THREAD = join(import.meta.dirname, `commit-thread${extname(import.meta.filename)}`)

type Waiting = { row: RunRow; events: readonly RunEvent[] } & PromiseWithResolvers<boolean>

/** @param path the database, whose schema is up to date. @param namespace see sqliteCommit */
export function commitsInThread(path: string, namespace: string): EventCommits {
  const turn = openWriteTurns()
  const begin = (): Worker => {
    const begun = new Worker(THREAD, { name: 'events', workerData: { path, namespace }, env: SHARE_ENV })
    // It keeps no program alive that has nothing else to do; work that is under way does.
    begun.unref()
    const over = (): void => {
      if (worker === begun) worker = null
    }
    begun.on('error', over).once('exit', over)
    return begun
  }
  let worker: Worker | null = begin()

  const ask = (work: ThreadWork): Promise<ThreadAnswer> =>
    new Promise((resolve, reject) => {
      worker ??= begin()
      const asked = worker
      const end = (): void => {
        asked.off('message', answered).off('error', failed).off('exit', gone)
        asked.unref()
      }
      const answered = (answer: ThreadAnswer): void => {
        end()
        resolve(answer)
      }
      const failed = (error: unknown): void => {
        end()
        reject(error)
      }
      const gone = (): void => failed(new Error('the thread that stores events has ended'))
      asked.ref()
      asked.on('message', answered).on('error', failed).on('exit', gone)
      asked.postMessage(JSON.stringify(work))
    })

  /** Runs that are to be stored in the next turn, all in one commit: each waits for the disk. */
  let creating: Waiting[] = []
  const createAll = async (): Promise<void> => {
    const all = creating
    creating = []
    try {
      const answer = await ask({ create: all.map(({ row, events }) => ({ row, events })) })
      if (!('created' in answer)) throw thrown(answer)
      for (const [i, { resolve, reject }] of all.entries()) {
        const created = answer.created[i] ?? false
        if (typeof created === 'boolean') resolve(created)
        else reject(errorOf(created))
      }
    } catch (error) {
      for (const { reject } of all) reject(error)
    }
  }

  return {
    turn,
    append: (batches) =>
      turn(async () => {
        const answer = await ask({ append: batches })
        if ('appended' in answer) return answer.appended
        throw thrown(answer)
      }),
    create(row, events) {
      const waiting = { row, events, ...Promise.withResolvers<boolean>() }
      if (creating.push(waiting) === 1) void turn(createAll)
      return waiting.promise
    },
    close: () =>
      turn(async () => {
        const open = worker
        if (open === null) return
        await new Promise<void>((resolve) => {
          open.ref()
          open.once('exit', () => resolve())
          open.postMessage(null)
        })
      }),
  }
}

const errorOf = ({ message, ...more }: ThreadError): Error => Object.assign(new Error(message), more)
const thrown = (answer: ThreadAnswer): Error =>
  'error' in answer ? errorOf(answer.error) : new Error('the thread that stores events answered something else')
