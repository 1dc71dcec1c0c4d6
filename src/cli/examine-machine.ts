/** What the doctor can see without a running server: this machine, the folder, the port, what answers nearby. */
import { constants, existsSync, readdirSync } from 'node:fs'
import { access, stat, statfs } from 'node:fs/promises'
import { createServer } from 'node:net'
import { dirname, join } from 'node:path'
import type { Configuration } from '../configuration/configuration.ts'
import type { Examination, Finding } from './client.ts'
import { size } from './format.ts'

const NEEDED_NODE = 24
const ANSWER_MS = 3_000
const GB = 1e9

type Examined = { subject: string; detail: string; findings: Finding[] }

export async function examineMachine(
  configuration: Configuration,
  { fetch: send, node_version = process.version }: { fetch: typeof fetch; node_version?: string },
): Promise<Examination> {
  const examined = await Promise.all([
    node(node_version),
    engine(),
    folder('data folder', configuration.data_dir),
    folder('model cache', configuration.cache_dir),
    port(configuration),
    ollama(configuration, send),
    ...configuration.models.hosts.map((host) => modelHost(host, send)),
    localModel(configuration),
  ])
  const findings = examined.flatMap((each) => each.findings)
  const worst = (severity: Finding['severity']) => findings.some((each) => each.severity === severity)
  return {
    status: worst('error') ? 'broken' : worst('warning') ? 'degraded' : 'healthy',
    examined: examined.map(({ subject, detail }) => ({ subject, detail })),
    findings,
  }
}

const seen = (subject: string, detail: string, ...findings: Finding[]): Examined => ({ subject, detail, findings })

function node(version: string): Examined {
  if (Number(/^v(\d+)/.exec(version)?.[1]) >= NEEDED_NODE) return seen('node', version)
  return seen('node', version, {
    id: 'node_old',
    severity: 'error',
    title: 'Node.js is too old',
    evidence: `this is ${version}`,
    remedy: `run \`npm start\`, which brings Node.js ${NEEDED_NODE}, or install it`,
  })
}

/** The engine's binary comes in a package for each platform. */
function engine(): Examined {
  const name = `@restatedev/restate-server-${process.platform}-${process.arch}`
  const places = []
  for (let at = import.meta.dirname; dirname(at) !== at; at = dirname(at)) places.push(join(at, 'node_modules', name))
  const found = places.find((place) => existsSync(place))
  if (found) return seen('engine', `installed (${name})`)
  return seen('engine', 'not installed', {
    id: 'engine_missing',
    severity: 'error',
    title: 'The engine is not installed',
    evidence: `there is no package ${name}`,
    remedy: 'run `npm start` in the clone; it runs on Linux (x64, arm64) and macOS, on Windows inside WSL',
  })
}

async function folder(subject: string, path: string): Promise<Examined> {
  let there = path
  while (!existsSync(there) && dirname(there) !== there) there = dirname(there)
  const id = subject.replace(' ', '_')
  try {
    if (!(await stat(there)).isDirectory()) throw Object.assign(new Error('not a folder'), { code: 'ENOTDIR' })
    await access(there, constants.W_OK)
    const { bavail, bsize } = await statfs(there)
    const free = bavail * bsize
    const detail = `${path}${there === path ? '' : ' (not made yet)'}, ${size(free)} free`
    if (free >= GB) return seen(subject, detail)
    return seen(subject, detail, {
      id: `${id}_full`,
      severity: free < 0.2 * GB ? 'error' : 'warning',
      title: `The disk of the ${subject} is nearly full`,
      evidence: `${size(free)} are free at ${there}`,
      remedy: 'free some space, or move it in quorate.yaml',
    })
  } catch (error) {
    const evidence = `${there}: ${(error as NodeJS.ErrnoException).code ?? 'cannot be used'}`
    return seen(subject, path, {
      id: `${id}_unusable`,
      severity: 'error',
      title: `The ${subject} cannot be written to`,
      evidence,
      remedy: `make ${there} writable for you, or name another folder in quorate.yaml`,
    })
  }
}

async function port({ host, port: number }: Configuration): Promise<Examined> {
  const code = await new Promise<string | null>((resolve) => {
    const server = createServer()
    server.once('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? 'unknown error'))
    server.listen({ host, port: number, exclusive: true }, () => server.close(() => resolve(null)))
  })
  if (code === null) return seen('port', `${host}:${number} is free`)
  const taken = code === 'EADDRINUSE'
  return seen('port', `${host}:${number} cannot be used`, {
    id: taken ? 'port_taken' : 'port_unusable',
    severity: 'error',
    title: taken ? 'Another program uses the port' : 'The port cannot be used',
    evidence: `${host}:${number}: ${code}`,
    remedy: taken
      ? 'start with --port and another number, or end the other program'
      : 'choose a port above 1023 and an address of this machine',
  })
}

async function asks(
  send: typeof fetch,
  url: string,
  headers: Record<string, string> = {},
): Promise<{ body: unknown } | { why: string }> {
  try {
    const response = await send(url, { headers, signal: AbortSignal.timeout(ANSWER_MS) })
    if (!response.ok) return { why: `status ${response.status}` }
    return { body: await response.json() }
  } catch (error) {
    return { why: (error as { cause?: { code?: string } }).cause?.code ?? (error as Error).name }
  }
}

async function ollama({ models, sources }: Configuration, send: typeof fetch): Promise<Examined> {
  const answer = await asks(send, `${models.ollama_url}/api/tags`)
  if ('body' in answer) {
    const list = (answer.body as { models?: unknown[] }).models
    return seen('Ollama', `${models.ollama_url}: ${Array.isArray(list) ? list.length : 'unknown'} models`)
  }
  const detail = `${models.ollama_url} does not answer (${answer.why})`
  if (sources['models.ollama_url']?.source === 'default') return seen('Ollama', `${detail}; it is not needed`)
  return seen('Ollama', detail, {
    id: 'ollama_down',
    severity: 'warning',
    title: 'Ollama does not answer',
    evidence: detail,
    remedy: 'start it, or correct OLLAMA_BASE_URL or models.ollama_url',
  })
}

async function modelHost(
  { name, kind, url, api_key }: Configuration['models']['hosts'][number],
  send: typeof fetch,
): Promise<Examined> {
  const subject = `model host ${name}`
  const answer = await asks(send, kind === 'ollama' ? `${url}/api/tags` : `${url}/models`)
  if ('body' in answer) return seen(subject, `${url} answers`)
  // The doctor sends no key, so a server that asks for one is there.
  if (api_key !== null && /^status 40[13]$/.test(answer.why))
    return seen(subject, `${url} answers and asks for its key`)
  const detail = `${url} does not answer (${answer.why})`
  return seen(subject, detail, {
    id: `model_host_down:${name}`,
    severity: 'warning',
    title: `Model host ${name} does not answer`,
    evidence: detail,
    remedy: 'start it, or correct its url under models.hosts',
  })
}

function localModel({ models: { local }, cache_dir }: Configuration): Examined {
  if (!local.enabled) return seen('local model', 'switched off')
  if (local.path !== null) {
    if (existsSync(local.path)) return seen('local model', local.path)
    return seen('local model', local.path, {
      id: 'local_model_missing',
      severity: 'error',
      title: 'The file of the local model is not there',
      evidence: local.path,
      remedy: 'correct models.local.path',
    })
  }
  const fetched = existsSync(cache_dir)
    ? readdirSync(cache_dir, { recursive: true })
        .map(String)
        .filter((file) => file.endsWith('.gguf'))
    : []
  return seen(
    'local model',
    fetched.length > 0
      ? `fetched: ${fetched.join(', ')}`
      : 'not fetched yet; the first start does that when no model server answers',
  )
}
