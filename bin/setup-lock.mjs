/** One set-up at a time for each clone, also when two are started at once. Runs on Node 20. */
import { createHash } from 'node:crypto'
import { linkSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir, userInfo } from 'node:os'
import { join } from 'node:path'

/** Outside the clone, because node_modules may not be there yet, and nothing else in the clone is ours to write to. @param {string} root */
const lockPath = (root) =>
  join(tmpdir(), `quorate-setup-${userInfo().uid}-${createHash('sha256').update(root).digest('hex').slice(0, 16)}.lock`)

/** No set-up takes longer; by then its number may belong to another process. */
const LONGEST_MS = 30 * 60_000
/** A takeover is a matter of microseconds. */
const TAKEOVER_MS = 10_000

/** @param {number} pid */
const lives = (pid) => {
  if (pid <= 0) return false
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return /** @type {NodeJS.ErrnoException} */ (error).code === 'EPERM'
  }
}

/**
 * Takes the lock, or says who holds it. What a process that has died left behind is taken over.
 * @param {string} root @param {string} [path]
 * @returns {{ held: true, release: () => void } | { held: false, by: number }}
 */
export function tryLock(root, path = lockPath(root)) {
  const mine = `${path}.${process.pid}`
  for (;;) {
    // Written aside and linked, so that nobody ever reads a lock without its owner.
    writeFileSync(mine, String(process.pid))
    try {
      linkSync(mine, path)
      return { held: true, release: () => rmSync(path, { force: true }) }
    } catch (error) {
      if (/** @type {NodeJS.ErrnoException} */ (error).code !== 'EEXIST') throw error
    } finally {
      rmSync(mine, { force: true })
    }
    const owner = ownerOf(path)
    if (owner !== null && !isStale(path, owner)) return { held: false, by: owner }
    if (owner !== null) takeAway(path)
  }
}

/** @param {string} path */
function ownerOf(path) {
  try {
    return Number(readFileSync(path, 'utf8')) || 0
  } catch {
    return null
  }
}

/** @param {string} path @param {number} owner */
const isStale = (path, owner) => !lives(owner) || isOld(path, LONGEST_MS)

/** @param {string} path @param {number} ms */
function isOld(path, ms) {
  try {
    return Date.now() - statSync(path).mtimeMs > ms
  } catch {
    return false
  }
}

/**
 * Removes the lock of a dead owner. Only one process at a time may, and it looks again first: otherwise it could remove
 * the lock of somebody alive who has just taken over. @param {string} path
 */
function takeAway(path) {
  const right = `${path}.takeover`
  try {
    writeFileSync(right, '', { flag: 'wx' })
  } catch {
    // Another one is at it, or died at it.
    if (isOld(right, TAKEOVER_MS)) rmSync(right, { force: true })
    return
  }
  try {
    const owner = ownerOf(path)
    if (owner !== null && isStale(path, owner)) rmSync(path, { force: true })
  } finally {
    rmSync(right, { force: true })
  }
}
