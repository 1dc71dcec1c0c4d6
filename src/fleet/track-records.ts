/** Keeps what was learned of the agents across restarts: one small document, written at most once in five seconds. */
import { z } from 'zod'
import type { TrackRecord } from '../agents/track-record.ts'
import type { Store } from '../store/store.ts'
import type { Logger, Member } from './member.ts'

const KEY = 'fleet.track_records'
export const WRITE_EVERY_MS = 5_000

const document = z.record(
  z.string(),
  z.strictObject({
    hash: z.string(),
    n: z.int().min(0),
    mean: z.number().min(0).max(1).nullable(),
    weight2: z.number().gt(0).max(1),
  }),
)

export type TrackRecords = {
  /** Gives the members what was kept of them, if they still are what they were. */
  restore: (members: Iterable<Member>) => Promise<void>
  /** Something was learned: it is written soon. */
  learned: () => void
  close: () => Promise<void>
}

export function createTrackRecords(meta: Store['meta'], members: () => Iterable<Member>, logger: Logger): TrackRecords {
  let timer: NodeJS.Timeout | null = null
  let writing: Promise<void> = Promise.resolve()

  async function write(): Promise<void> {
    const records: { [id: string]: TrackRecord & { hash: string } } = {}
    for (const { agent, record } of members()) if (record.n > 0) records[agent.id] = { hash: agent.hash, ...record }
    try {
      await meta.set(KEY, JSON.stringify(records))
    } catch (error) {
      logger.warn({ error: String(error) }, 'the track records of the agents could not be kept')
    }
  }

  const flush = () => {
    if (timer === null) return
    clearTimeout(timer)
    timer = null
    writing = writing.then(write)
  }

  return {
    async restore(all) {
      const kept = await meta.get(KEY)
      if (kept === null) return
      let parsed: z.infer<typeof document>
      try {
        parsed = document.parse(JSON.parse(kept))
      } catch {
        logger.warn({}, 'the track records of the agents cannot be read; they begin anew')
        return
      }
      for (const member of all) {
        const found = parsed[member.agent.id]
        if (found === undefined || found.hash !== member.agent.hash) continue
        const { hash: _, ...record } = found
        member.record = record
      }
    },
    learned: () => {
      timer ??= setTimeout(flush, WRITE_EVERY_MS).unref()
    },
    async close() {
      flush()
      await writing
    },
  }
}
