import { open, rm, stat, utimes } from 'node:fs/promises'
import { setTimeout as delay } from 'node:timers/promises'

const HEARTBEAT_MS = 2_000
const STALE_MS = 15_000
const LOOK_AGAIN_MS = 200

/**
 * Runs `work` while no other process on this cache does: two starts do not fetch the same file twice. The holder touches
 * the lock; a lock that nobody touched for 15 s was left by a crash and is taken over. Should two processes take it over in
 * the same moment, both fetch, and since each renames a verified file into place, nothing worse happens.
 */
export async function withFetchLock<T>(path: string, signal: AbortSignal, work: () => Promise<T>): Promise<T> {
  while (!(await taken(path))) {
    const age = await stat(path).then(
      ({ mtimeMs }) => Date.now() - mtimeMs,
      () => 0,
    )
    if (age > STALE_MS) await rm(path, { force: true })
    else await delay(LOOK_AGAIN_MS, undefined, { signal })
  }
  const heartbeat = setInterval(() => {
    const now = new Date()
    utimes(path, now, now).catch(() => {})
  }, HEARTBEAT_MS)
  try {
    return await work()
  } finally {
    clearInterval(heartbeat)
    await rm(path, { force: true })
  }
}

async function taken(path: string): Promise<boolean> {
  try {
    await (await open(path, 'wx')).close()
    return true
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'EEXIST') return false
    throw error
  }
}
