/** The systems as processes: started over a folder, asked over IPC, killed, and what memory they and their children take. */
import { type ChildProcess, fork } from 'node:child_process'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { cache, programFile } from '../../bin/program-bundle.mjs'
import type { Answer, Asking } from './system.ts'

export type Running = {
  /** Rejects with what the system said, when the process ends, and after `LIMIT_MS`. */
  ask: (call: Asking['call'], ...args: number[]) => Promise<unknown>
  /** Bytes that the process and all its descendants have in memory; null where there is no /proc. */
  resident: () => number | null
  kill: () => Promise<void>
  /** In order; by force when that takes too long. */
  close: () => Promise<void>
}

/** No measure takes so long on any machine that is worth measuring on. */
const LIMIT_MS = 240_000
const CLOSE_WITHIN_MS = 15_000

export const systems = ['quorate', 'bare-restate', 'langgraph', 'mastra'] as const
export type SystemName = (typeof systems)[number]

const root = join(import.meta.dirname, '..', '..')

/** Quorate as people start it: as a bundle of its sources. The others are made of packages that are JavaScript already. */
let bundle: string | null = null
function fileOf(name: SystemName): string {
  if (name !== 'quorate') return join(import.meta.dirname, `${name}.ts`)
  bundle ??= programFile(root, process.execPath, {
    build: true,
    entry: 'bench/peers/quorate.ts',
    beside: ['bench', 'test'],
  })
  return bundle
}

/** As bin/quorate.mjs does. */
const compileCache = `--import=data:text/javascript,${encodeURIComponent(
  `import { enableCompileCache } from 'node:module'; enableCompileCache(${JSON.stringify(cache(root))})`,
)}`

export async function start(name: SystemName, folder: string, ledger?: string): Promise<Running> {
  const child = fork(fileOf(name), [folder, ...(ledger === undefined ? [] : [ledger])], {
    stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
    execArgv: ['--disable-warning=ExperimentalWarning', ...(name === 'quorate' ? [compileCache] : [])],
  })
  let said = ''
  child.stderr?.setEncoding('utf8').on('data', (text: string) => {
    said = (said + text).slice(-4_000)
  })
  const open = new Map<number, PromiseWithResolvers<unknown>>()
  const expect = (id: number): Promise<unknown> => {
    const waiting = Promise.withResolvers<unknown>()
    open.set(id, waiting)
    const timer = setTimeout(() => waiting.reject(new Error(`no answer within ${LIMIT_MS / 1_000} s`)), LIMIT_MS)
    return waiting.promise.finally(() => {
      clearTimeout(timer)
      open.delete(id)
    })
  }
  child.on('message', (answer: Answer) => {
    const waiting = open.get(answer.id)
    if ('error' in answer) waiting?.reject(new Error(answer.error))
    else waiting?.resolve(answer.value)
  })
  const gone = new Promise<void>((resolve) => {
    child.once('close', (code, signal) => {
      const last =
        said
          .trim()
          .split('\n')
          .findLast((line) => /error|assert|fail/i.test(line)) ?? ''
      for (const waiting of open.values()) waiting.reject(new Error(`ended with ${signal ?? code}: ${last.trim()}`))
      resolve()
    })
  })
  const kill = async (): Promise<void> => {
    child.kill('SIGKILL')
    await gone
  }
  let serial = 0
  const ask = (call: Asking['call'], ...args: number[]): Promise<unknown> => {
    const id = ++serial
    const answer = expect(id)
    if (child.connected) child.send({ id, call, args } satisfies Asking)
    else open.get(id)?.reject(new Error('the process has ended'))
    return answer
  }
  await expect(0).catch(async (error: unknown) => {
    await kill()
    throw error
  })
  return {
    ask,
    kill,
    resident: () => residentOf(child),
    async close() {
      const timer = setTimeout(() => child.kill('SIGKILL'), CLOSE_WITHIN_MS)
      await ask('close').catch(() => child.kill('SIGKILL'))
      await gone
      clearTimeout(timer)
    },
  }
}

function residentOf(root: ChildProcess): number | null {
  const seen = new Map<number, { parent: number; bytes: number }>()
  try {
    for (const name of readdirSync('/proc')) {
      if (!/^\d+$/.test(name)) continue
      try {
        const status = readFileSync(`/proc/${name}/status`, 'utf8')
        const field = (key: string): number => Number(new RegExp(`^${key}:\\s+(\\d+)`, 'm').exec(status)?.[1] ?? 0)
        seen.set(Number(name), { parent: field('PPid'), bytes: field('VmRSS') * 1_024 })
      } catch {
        // It ended while we looked.
      }
    }
  } catch {
    return null
  }
  const under = (pid: number): boolean => {
    for (let at: number | undefined = pid; at !== undefined && at !== 0; at = seen.get(at)?.parent)
      if (at === root.pid) return true
    return false
  }
  return [...seen].reduce((sum, [pid, { bytes }]) => (under(pid) ? sum + bytes : sum), 0)
}
