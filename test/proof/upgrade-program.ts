/** Builds of the program, started and killed, and asked over HTTP and by its command line. */
import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { cpSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import type { Readable } from 'node:stream'
import type { RunUpgrade } from '../../src/operations/run-upgrade.ts'

const ROOT = join(import.meta.dirname, '../..')
export const OLDER = '0.0.9'

/** The older build: this program under another version, with other code where runs are decided and driven. */
export function olderBuild(folder: string): string {
  mkdirSync(join(folder, 'test/proof'), { recursive: true })
  cpSync(join(ROOT, 'src'), join(folder, 'src'), { recursive: true })
  for (const file of ['test/test-configuration.ts', 'test/proof/upgrade-victim.ts'])
    cpSync(join(ROOT, file), join(folder, file))
  symlinkSync(join(ROOT, 'node_modules'), join(folder, 'node_modules'))
  const manifest = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as object
  writeFileSync(join(folder, 'package.json'), JSON.stringify({ ...manifest, version: OLDER }))
  for (const file of ['src/workflow/next.ts', 'src/durable/segment.ts'])
    writeFileSync(join(folder, file), `${readFileSync(join(ROOT, file), 'utf8')}\n// Another build.\n`)
  return folder
}

type Answer = { status: number; body: Record<string, unknown> }

export type Program = {
  url: string
  ask: (method: string, path: string, body?: unknown) => Promise<Answer>
  /** As asked for; anything but success is a defect of the proof. */
  done: (method: string, path: string, body?: unknown) => Promise<Record<string, unknown>>
  stop: () => Promise<void>
  kill: () => Promise<void>
}

export async function startProgram(build: string, data: string, outside: string): Promise<Program> {
  const child: ChildProcess = spawn(process.execPath, [join(build, 'test/proof/upgrade-victim.ts'), data, outside], {
    cwd: build,
    stdio: ['pipe', 'pipe', 'pipe'],
  })
  let errors = ''
  child.stderr?.setEncoding('utf8').on('data', (text: string) => {
    errors = (errors + text).slice(-4_000)
  })
  const ended = new Promise<void>((resolve) => child.once('close', () => resolve()))
  const url = await new Promise<string>((resolve, reject) => {
    createInterface({ input: child.stdout as Readable }).on('line', (line) => {
      if (line.startsWith('ready ')) resolve(line.slice(6))
    })
    void ended.then(() => reject(new Error(`the program did not come up: ${errors}`)))
  })
  const ask: Program['ask'] = async (method, path, body) => {
    const response = await fetch(`${url}${path}`, {
      method,
      ...(body === undefined ? {} : { headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) }),
    })
    return { status: response.status, body: (await response.json()) as Answer['body'] }
  }
  return {
    url,
    ask,
    async done(method, path, body) {
      const answer = await ask(method, path, body)
      if (answer.status >= 300) throw new Error(`${method} ${path}: ${JSON.stringify(answer.body).slice(0, 500)}`)
      return answer.body
    },
    stop: () => {
      child.stdin?.end()
      return ended
    },
    kill: () => {
      child.kill('SIGKILL')
      return ended
    },
  }
}

export type UpgradedRun = RunUpgrade & { done: boolean | null }

/** `quorate upgrade` as a person types it. */
export async function upgradeCommand(program: Program, ...options: string[]): Promise<UpgradedRun[]> {
  const args = [join(ROOT, 'bin/quorate.mjs'), 'upgrade', '--json', '--server', program.url, ...options]
  const out = await new Promise<string>((resolve, reject) =>
    execFile(process.execPath, args, { maxBuffer: 100_000_000 }, (error, stdout, stderr) => {
      // 2: a run moved on meanwhile.
      if (error === null || error.code === 2) resolve(stdout)
      else reject(new Error(`quorate upgrade: ${stderr}`))
    }),
  )
  return (JSON.parse(out) as { items: UpgradedRun[] }).items
}

export async function until<T>(what: string, look: () => Promise<T>, satisfied: (seen: T) => boolean): Promise<T> {
  const deadline = Date.now() + 120_000
  for (;;) {
    const seen = await look()
    if (satisfied(seen)) return seen
    if (Date.now() > deadline) throw new Error(`${what}: not within two minutes`)
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
}
