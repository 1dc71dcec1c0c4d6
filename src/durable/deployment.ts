/**
 * This program as the engine sees it: a loopback endpoint under a secret path, registered once for each build. Older
 * builds' registrations are pointed here: their calls (one stable step) go on; their segments are taken over from the
 * log, since a journal of other code cannot be replayed.
 */
import { createHash, randomBytes } from 'node:crypto'
import { readFile, rename, writeFile } from 'node:fs/promises'
import { createServer, type Http2Server, type ServerHttp2Session } from 'node:http2'
import type { AddressInfo } from 'node:net'
import { extname, join } from 'node:path'
import { createEndpointHandler } from '@restatedev/restate-sdk'
import { fail, ok, type Result } from '../failure.ts'
import type { Store } from '../store/store.ts'
import type { Engine } from './engine-process.ts'
import type { Logger } from './logger.ts'
import type { servicesOf } from './services.ts'

export type Deployment = {
  /** Runs that a segment of another build holds; it was killed, they have to be recovered. */
  stranded: string[]
  close: () => Promise<void>
}

type Registered = { id: string; uri: string }

export async function deploy(parts: {
  engine: Engine
  dir: string
  services: ReturnType<typeof servicesOf>
  store: Store
  logger: Logger
  build: Promise<string>
}): Promise<Result<Deployment>> {
  const { engine, dir, services, logger } = parts
  const place = await remembered(join(dir, 'endpoint.json'))
  const handler = createEndpointHandler({
    services,
    logger: ({ level }, ...message: unknown[]) => {
      if (level === 'error' || level === 'warn')
        logger.debug({ sdk: message.map(String).join(' ').slice(0, 1_000) }, 'engine client')
    },
  })
  const secret = `/${place.token}/`
  const sessions = new Set<ServerHttp2Session>()
  const server = createServer((request, response) => {
    // Other users of this machine can reach a loopback port; only the engine knows the path.
    if (request.url.startsWith(secret)) return handler(request, response)
    response.writeHead(404).end()
  })
  server.on('session', (session) => {
    sessions.add(session)
    session.once('close', () => sessions.delete(session))
  })
  const port = await listen(server, place.port)
  if (port === null)
    return fail('unavailable', 'no loopback port is free for the engine to call back on', {
      remedy: 'Look for a process that holds thousands of ports.',
    })
  if (port !== place.port) {
    // Durable, and whole, before the engine knows of it: what loss of power made us forget, the engine would call for ever.
    const file = join(dir, 'endpoint.json')
    await writeFile(`${file}.part`, JSON.stringify({ token: place.token, port }), { mode: 0o600, flush: true })
    await rename(`${file}.part`, file)
  }

  const close = async (): Promise<void> => {
    for (const session of sessions) session.destroy()
    await new Promise<void>((resolve) => server.close(() => resolve()))
  }

  const base = `http://127.0.0.1:${port}`
  const path = `${secret}${await parts.build}`
  const stranded: string[] = []
  const known =
    ((await engine.admin('GET', '/deployments')).body as { deployments?: Registered[] } | null)?.deployments ?? []
  for (const old of known) {
    const uri = new URL(old.uri)
    if (uri.origin !== base) {
      const moved = await engine.admin('PATCH', `/deployments/${old.id}`, {
        uri: `${base}${uri.pathname}`,
        overwrite: true,
      })
      if (moved.status >= 300)
        logger.warn(
          { deployment: old.id, status: moved.status, body: moved.body },
          'an older registration could not be moved',
        )
    }
    if (trimmed(uri.pathname) !== path) stranded.push(...(await killSegments(engine, old.id, logger)))
  }
  if (!known.some((old) => trimmed(new URL(old.uri).pathname) === path)) {
    const registered = await engine.admin('POST', '/deployments', { uri: `${base}${path}`, force: false })
    if (registered.status >= 300) {
      await close()
      return fail('internal', `the engine refused this program: ${JSON.stringify(registered.body).slice(0, 500)}`, {
        remedy: `Stop Quorate, move ${join(dir, 'engine')} away and start again: runs go on from the database.`,
      })
    }
  }
  return ok({ stranded: [...new Set(stranded)], close })
}

const trimmed = (path: string): string => path.replace(/\/$/, '')

async function killSegments(engine: Engine, deployment: string, logger: Logger): Promise<string[]> {
  const query = `select id, target_service_key from sys_invocation where target_service_name = 'run' and status != 'completed' and pinned_deployment_id = '${deployment}'`
  const { body } = await engine.admin('POST', '/query', { query })
  const rows = (body as { rows?: { id: string; target_service_key: string }[] } | null)?.rows ?? []
  for (const row of rows) {
    const killed = await engine.admin('PATCH', `/invocations/${row.id}/kill`)
    if (killed.status >= 300)
      logger.warn(
        { run: row.target_service_key, status: killed.status },
        'a segment of an older build could not be ended',
      )
  }
  return rows.map((row) => row.target_service_key)
}

/** Token and last port; the same port again spares the engine a move. */
async function remembered(file: string): Promise<{ token: string; port: number }> {
  try {
    const { token, port } = JSON.parse(await readFile(file, 'utf8')) as { token: string; port: number }
    if (/^[0-9a-f]{32}$/.test(token) && Number.isInteger(port)) return { token, port }
  } catch {
    // First start, or a file that somebody damaged: a new token is as good.
  }
  return { token: randomBytes(16).toString('hex'), port: 0 }
}

async function listen(server: Http2Server, wanted: number): Promise<number | null> {
  for (const port of wanted === 0 ? [0] : [wanted, 0]) {
    const got = await new Promise<number | null>((resolve) => {
      const failed = (): void => resolve(null)
      server.once('error', failed)
      server.listen(port, '127.0.0.1', () => {
        server.off('error', failed)
        resolve((server.address() as AddressInfo).port)
      })
    })
    if (got !== null) return got
  }
  return null
}

/** Changes with what a journal depends on: the services' names and steps. */
export async function buildHash(): Promise<string> {
  const hash = createHash('sha256')
  for (const name of ['services', 'invocations'])
    hash.update(await readFile(join(import.meta.dirname, `${name}${extname(import.meta.filename)}`)))
  return `b${hash.digest('hex').slice(0, 16)}`
}
