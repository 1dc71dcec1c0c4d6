/**
 * The engine (Restate) as a supervised child process: started with its own folder, restarted when it dies, stopped in
 * order, and never outliving us. It listens on unix sockets only; it calls us on a loopback port.
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { mkdir, symlink, unlink, writeFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import { Agent, fetch as undiciFetch } from 'undici'
import { fail, ok, type Result } from '../failure.ts'
import { contentHash } from '../workflow/content-hash.ts'
import type { Logger } from './logger.ts'

const NODE = 'n1'
/** A unix socket's path may have 107 bytes; the engine adds `/n1/ingress.sock` and fails silently beyond. */
const LONGEST_BASE = 85
const READY_WITHIN_MS = 30_000
const FIRST_START_WITHIN_MS = 5_000

/** Calls that may take days, each with a socket of its own; further ones wait for theirs. Below any usual limit of open files. */
const MOST_CALLS = 2_000

export type EngineResponse = { status: number; body: unknown }

export type Engine = {
  /** Requests to the engine's administration and to its ingress. A refused connection is a rejected promise. */
  admin: (method: string, path: string, body?: unknown) => Promise<EngineResponse>
  ingress: (path: string, body: unknown) => Promise<EngineResponse>
  /** A request to its ingress whose answer may take days. */
  call: (path: string, body: unknown, headers: Record<string, string>) => Promise<EngineResponse>
  pid: () => number | null
  /** True when this folder held no engine before. */
  fresh: boolean
  ready: () => boolean
  /** Called each time the engine has come up again after it died. */
  on_restart: (listener: () => void) => void
  stop: () => Promise<void>
}

/** The engine's settings; tried values and why in `docs/decisions/engine-settings.md`. */
const settings = `disable-telemetry = true
listen-mode = "unix"
cluster-name = "quorate"
node-name = "${NODE}"
default-num-partitions = 4
rocksdb-total-memory-size = "256 MiB"
log-filter = "warn,octocrab=off"
log-format = "json"
shutdown-timeout = "5s"
[bifrost]
record-cache-memory-size = "32 MiB"
[worker.invoker]
concurrent-invocations-limit = 4000
[default-retry-policy]
initial-interval = "50ms"
max-interval = "1s"
max-attempts = "unlimited"
[admin]
disable-web-ui = true
[admin.query-engine]
memory-size = "64 MiB"
`

function binary(): Result<string> {
  const name = `@restatedev/restate-server-${process.platform}-${process.arch}`
  try {
    const require = createRequire(import.meta.url)
    return ok(join(require.resolve(`${name}/package.json`), '..', 'bin', 'restate-server'))
  } catch {
    return fail(
      'unsupported',
      `the engine has no build for ${process.platform}-${process.arch} (${name} is not installed)`,
      {
        remedy:
          'Run Quorate on Linux (x64, arm64; glibc) or macOS; on Windows through WSL. If the platform fits, run npm ci again.',
      },
    )
  }
}

export async function startEngine(dir: string, logger: Logger): Promise<Result<Engine>> {
  const found = binary()
  if (!found.ok) return found
  await mkdir(dir, { recursive: true, mode: 0o700 })
  const fresh = !existsSync(join(dir, NODE))
  const base = await shortPath(dir)
  await writeFile(join(dir, 'engine.toml'), settings)
  const sockets = { admin: join(base, NODE, 'admin.sock'), ingress: join(base, NODE, 'ingress.sock') }
  const agents = {
    admin: new Agent({ connect: { socketPath: sockets.admin } }),
    ingress: new Agent({ connect: { socketPath: sockets.ingress } }),
    calls: new Agent({
      connect: { socketPath: sockets.ingress },
      headersTimeout: 0,
      bodyTimeout: 0,
      connections: MOST_CALLS,
    }),
  }

  const request = async (
    agent: Agent,
    method: string,
    path: string,
    body: unknown,
    headers: Record<string, string>,
  ): Promise<EngineResponse> => {
    const response = await undiciFetch(`http://engine${path}`, {
      method,
      dispatcher: agent,
      headers: {
        accept: 'application/json',
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
        ...headers,
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    })
    const text = await response.text()
    try {
      return { status: response.status, body: text === '' ? null : JSON.parse(text) }
    } catch {
      return { status: response.status, body: text }
    }
  }

  let child: ChildProcess | null = null
  let stopping = false
  let up = false
  /** Set once the first start has succeeded: before that, a dead engine is the caller's failure, not ours to revive. */
  let begun = false
  let lastError = ''
  const listeners: (() => void)[] = []

  const launch = async (): Promise<boolean> => {
    for (const socket of Object.values(sockets)) await unlink(socket).catch(() => undefined)
    // An engine that begins after `stop` has looked for one would never end.
    if (stopping) return false
    // pdeathsig: a manager that is killed must not leave its engine behind. Where there is no setpriv (macOS), the
    // next start finds the folder locked and says so.
    const wrapped = existsSync('/usr/bin/setpriv')
      ? ['/usr/bin/setpriv', '--pdeathsig', 'KILL', found.value]
      : [found.value]
    const [program, ...args] = [...wrapped, '--no-logo', '-c', join(dir, 'engine.toml'), '--base-dir', base]
    const started = spawn(program as string, args, {
      stdio: ['ignore', 'pipe', 'pipe'],
      cwd: dir,
      env: { RUST_BACKTRACE: '0' },
    })
    child = started
    for (const stream of [started.stdout, started.stderr])
      stream?.setEncoding('utf8').on('data', (text: string) => {
        lastError = text.slice(-2_000)
        for (const line of text.split('\n'))
          if (line.trim() !== '') logger.debug({ engine: line.slice(0, 2_000) }, 'engine')
      })
    const gone = new Promise<void>((resolve) => {
      started.once('error', (error) => {
        lastError = error.message
        resolve()
      })
      started.once('exit', () => resolve())
    })
    void gone.then(() => {
      if (child === started) child = null
      up = false
      if (!stopping && begun) void revive()
    })
    const deadline = Date.now() + READY_WITHIN_MS
    let dead = false
    void gone.then(() => {
      dead = true
    })
    while (Date.now() < deadline && !dead && !stopping) {
      const health = await request(agents.admin, 'GET', '/health', undefined, {}).catch(() => null)
      const ingress =
        health?.status === 200
          ? await request(agents.ingress, 'GET', '/restate/health', undefined, {}).catch(() => null)
          : null
      if (ingress !== null && ingress.status === 200) {
        up = true
        return true
      }
      await wait(20)
    }
    return false
  }

  let failures = 0
  const revive = async (): Promise<void> => {
    failures++
    const delay = Math.min(5_000, 50 * 2 ** Math.min(failures, 7))
    logger.warn({ failures, delay_ms: delay, last: lastError.slice(-300) }, 'the engine died; it is started again')
    await wait(delay)
    if (stopping || child !== null) return
    if (await launch()) {
      failures = 0
      for (const listener of listeners) listener()
    }
  }

  // The engine of a manager that was killed just now may take a moment to let go of the folder.
  const patience = Date.now() + FIRST_START_WITHIN_MS
  let first = await launch()
  while (!first && Date.now() < patience) {
    await wait(200)
    first = await launch()
  }
  if (!first) {
    stopping = true
    ;(child as ChildProcess | null)?.kill('SIGKILL')
    return fail(
      'unavailable',
      `the engine did not start: ${lastError.replace(/\s+/g, ' ').slice(-400) || 'no answer within 30 s'}`,
      {
        remedy: `If another Quorate uses ${dir}, stop it or start with --data. Otherwise look at the message, then move ${dir} away: runs go on from the database.`,
      },
    )
  }

  begun = true
  return ok({
    admin: (method, path, body) => request(agents.admin, method, path, body, {}),
    ingress: (path, body) => request(agents.ingress, 'POST', path, body, {}),
    call: (path, body, headers) => request(agents.calls, 'POST', path, body, headers),
    pid: () => child?.pid ?? null,
    fresh,
    ready: () => up,
    on_restart: (listener) => listeners.push(listener),
    async stop() {
      stopping = true
      const running = child
      if (running !== null) {
        const exited = new Promise<void>((resolve) => running.once('exit', () => resolve()))
        running.kill('SIGTERM')
        const inTime = await Promise.race([exited.then(() => true), wait(6_000, false, { ref: false })])
        if (!inTime) {
          running.kill('SIGKILL')
          await exited
        }
      }
      await Promise.all(Object.values(agents).map((agent) => agent.destroy()))
    },
  })
}

/** A path to the folder that is short enough for sockets: itself, or a link in the temporary folder. */
async function shortPath(dir: string): Promise<string> {
  if (Buffer.byteLength(dir) <= LONGEST_BASE) return dir
  const link = join(tmpdir(), `quorate-${contentHash(dir).slice(7, 23)}`)
  await unlink(link).catch(() => undefined)
  await symlink(dir, link)
  return link
}
