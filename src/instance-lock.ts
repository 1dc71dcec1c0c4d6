/**
 * One Quorate for one data directory. The lock is a listening unix socket in it: it is gone with its process, however
 * that ended, and whoever knocks is told where the other one is.
 */
import { mkdir, unlink } from 'node:fs/promises'
import { connect, createServer, type Server } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fail, ok, type Result } from './failure.ts'
import { contentHash } from './workflow/content-hash.ts'

/** Paths of unix sockets may have 107 bytes on Linux, 103 on macOS. */
const LONGEST_SOCKET_PATH = 103

export type InstanceLock = {
  /** What a second start is told. */
  announce: (text: string) => void
  release: () => Promise<void>
}

export async function lockInstance(dataDir: string): Promise<Result<InstanceLock>> {
  try {
    await mkdir(dataDir, { recursive: true, mode: 0o700 })
  } catch (error) {
    return fail('unavailable', `the data directory ${dataDir} cannot be made: ${(error as Error).message}`, {
      field: 'data_dir',
      value: dataDir,
      remedy: 'Choose another one with --data, or make its parent writable.',
    })
  }
  const inside = join(dataDir, 'instance.sock')
  const path =
    Buffer.byteLength(inside) <= LONGEST_SOCKET_PATH
      ? inside
      : join(tmpdir(), `quorate-${contentHash(dataDir).slice(7, 31)}.sock`)
  let announcement = 'is starting'
  const listen = (): Promise<Server | string> =>
    new Promise((resolve) => {
      const server = createServer((socket) => {
        socket.on('error', () => undefined)
        socket.end(announcement)
      })
      server.once('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? error.message))
      server.listen(path, () => resolve(server))
    })

  let server = await listen()
  if (server === 'EADDRINUSE') {
    const other = await knock(path)
    if (other !== null)
      return fail('conflict', `a Quorate with the data directory ${dataDir} runs already: it ${other}`, {
        field: 'data_dir',
        value: dataDir,
        remedy: 'Use that one, stop it first, or start with another --data and --port.',
      })
    // Nobody answers: its process died. Taking over is safe, since only one listener can follow.
    await unlink(path).catch(() => undefined)
    server = await listen()
  }
  if (typeof server === 'string')
    return fail('unavailable', `the data directory ${dataDir} cannot be locked (${server})`, {
      field: 'data_dir',
      value: dataDir,
      remedy: 'Choose a directory on a local disk that you may write to, with --data.',
    })
  const held = server
  held.unref()
  return ok({
    announce: (text) => {
      announcement = text
    },
    release: () => new Promise((resolve) => held.close(() => resolve())),
  })
}

/** What the holder of the lock says, or null when there is none. */
function knock(path: string): Promise<string | null> {
  return new Promise((resolve) => {
    let text = ''
    const socket = connect(path)
    socket.setTimeout(3_000, () => {
      resolve('does not answer')
      socket.destroy()
    })
    socket.setEncoding('utf8')
    socket.on('data', (part: string) => {
      text += part
    })
    socket.once('error', (error: NodeJS.ErrnoException) =>
      resolve(error.code === 'ECONNREFUSED' || error.code === 'ENOENT' ? null : 'does not answer'),
    )
    socket.once('end', () => resolve(text))
  })
}
