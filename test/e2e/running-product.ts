/** Starts the program as a person does, in a process of its own, and talks to it over HTTP. */
import { type ChildProcess, spawn } from 'node:child_process'
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

export const ROOT = join(import.meta.dirname, '../..')

export const freePort = (): Promise<number> =>
  new Promise((resolve) => {
    const server = createServer()
    server.listen(0, '127.0.0.1', () => {
      const { port } = server.address() as { port: number }
      server.close(() => resolve(port))
    })
  })

export type Product = {
  url: string
  port: number
  folder: string
  child: ChildProcess
  output: () => string
  /** Sends a signal and waits for the end of the process. */
  stop: (signal?: NodeJS.Signals) => Promise<{ code: number | null; signal: string | null }>
}

/** A folder with a quorate.yaml: no model is fetched, no agent but those given. */
export function folderWith(yaml: string): string {
  const folder = mkdtempSync(join(tmpdir(), 'quorate-e2e-'))
  writeFileSync(join(folder, 'quorate.yaml'), yaml)
  return folder
}

export const removeFolder = (folder: string): void => rmSync(folder, { recursive: true, force: true, maxRetries: 5 })

export async function startProduct(folder: string, port: number, more: string[] = []): Promise<Product> {
  const child = spawn(
    process.execPath,
    [join(ROOT, 'bin/quorate.mjs'), 'start', '--port', String(port), '--data', join(folder, 'data'), ...more],
    {
      cwd: folder,
      stdio: ['ignore', 'pipe', 'pipe'],
    },
  )
  let text = ''
  for (const stream of [child.stdout, child.stderr])
    stream?.setEncoding('utf8').on('data', (part: string) => (text += part))
  const url = `http://127.0.0.1:${port}`
  const deadline = Date.now() + 60_000
  for (;;) {
    const ready = await fetch(`${url}/readyz`).catch(() => null)
    if (ready?.status === 200) break
    if (child.exitCode !== null || Date.now() > deadline) {
      child.kill('SIGKILL')
      throw new Error(`the program did not come up:\n${text}`)
    }
    await new Promise((resolve) => setTimeout(resolve, 25))
  }
  return {
    url,
    port,
    folder,
    child,
    output: () => text,
    stop: (signal = 'SIGINT') =>
      new Promise((resolve) => {
        child.once('exit', (code, by) => resolve({ code, signal: by }))
        child.kill(signal)
      }),
  }
}

type Answer = { status: number; body: Record<string, unknown> }

export async function call(product: { url: string }, method: string, path: string, body?: unknown): Promise<Answer> {
  const response = await fetch(`${product.url}${path}`, {
    method,
    ...(body === undefined ? {} : { headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) }),
  })
  return { status: response.status, body: (await response.json()) as Record<string, unknown> }
}

/** Waits until a look at the product satisfies; fails with what was seen last. */
export async function until<T>(
  look: () => Promise<T>,
  satisfied: (seen: T) => boolean,
  within_ms = 30_000,
): Promise<T> {
  const deadline = Date.now() + within_ms
  for (;;) {
    const seen = await look()
    if (satisfied(seen)) return seen
    if (Date.now() > deadline)
      throw new Error(`not within ${within_ms} ms; seen last: ${JSON.stringify(seen).slice(0, 2_000)}`)
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
}

/** Processes whose command line or environment mentions the text. */
export function processesWith(text: string): number[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name) && Number(name) !== process.pid)
    .map(Number)
    .filter((pid) => {
      try {
        return (
          readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes(text) ||
          readFileSync(`/proc/${pid}/environ`, 'utf8').includes(text)
        )
      } catch {
        return false
      }
    })
}
