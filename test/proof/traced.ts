/**
 * The victim in a process of its own, its commits and those of its engine observed from outside by strace: each fsync
 * and fdatasync that returns, with the file it was for. Without strace the engine's commits cannot be seen.
 */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import type { Readable } from 'node:stream'
import { cache, programFile } from '../../bin/program-bundle.mjs'
import type { VictimReport } from './kill-victim.ts'

export type Commit = { by: 'program' | 'engine'; file: string; at: number }
export type Pids = { engine: number; program: number }

export type Ended = {
  code: number | null
  signal: string | null
  spawned: number
  report: VictimReport | null
  /** Commits since the run began, when traced. */
  commits: Commit[]
  errors: string
}

/** A run takes a second or two, on a busy machine ten. */
const HANGS_MS = 90_000

/** `kill -9`; one that is gone already is as good. */
export function killAll(pids: readonly number[]): void {
  for (const pid of pids)
    try {
      process.kill(pid, 'SIGKILL')
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error
    }
}

const strace = (args: string[]): string[] => [
  ...['strace', '-f', '--seccomp-bpf', '-qqq', '-y', '-e', 'trace=fsync,fdatasync', '-e', 'signal=none'],
  // Node's pipes are sockets, which cannot be opened by name; to a pipe of its own strace writes line by line.
  ...['-o', '|exec cat >&3', ...args],
]

/** Null when a program can be traced here, else why not. */
export function cannotTrace(): string | null {
  const tried = spawnSync('strace', ['-f', '--seccomp-bpf', '-qqq', '-e', 'trace=fsync', process.execPath, '-e', '0'])
  if (tried.error !== undefined) return 'strace is not installed'
  return tried.status === 0 ? null : `strace cannot trace here: ${String(tried.stderr).trim().slice(0, 200)}`
}

const line = /^(\d+)\s+(?:(?:fsync|fdatasync)\(\d+<([^>]*)>|<\.\.\. (?:fsync|fdatasync) resumed>)(.*)$/

/** Reads strace's lines: a commit is one that returned 0; one in two lines is known by its thread. */
export function commitReader(data: string): (text: string) => Omit<Commit, 'at'> | null {
  const open = new Map<string, string>()
  return (text) => {
    const [, thread = '', named, rest = ''] = line.exec(text) ?? []
    const file = named ?? open.get(thread)
    if (file === undefined) return null
    if (rest.includes('<unfinished')) {
      open.set(thread, file)
      return null
    }
    open.delete(thread)
    if (!/= 0\b/.test(rest) || !file.startsWith(data)) return null
    const within = file.slice(data.length + 1)
    return { by: within.startsWith('engine/') ? 'engine' : 'program', file: within }
  }
}

/** The victim is loaded like the program that people start: as a bundle, with compiled code from a cache. */
const victimFile = (): string =>
  programFile(repository, process.execPath, { build: true, entry: 'test/proof/kill-victim.ts', beside: ['test'] })
const repository = join(import.meta.dirname, '..', '..')

/**
 * @param args after the data folder and the outside's address, see kill-victim.ts
 * @param onCommit called at each traced commit since the run began
 */
export function runVictim(
  data: string,
  args: string[],
  onCommit?: (commit: Commit, pids: Pids, n: number) => void,
): Promise<Ended> {
  const spawned = Date.now()
  const plain = [process.execPath, victimFile(), data, ...args]
  const [program = '', ...rest] = onCommit === undefined ? plain : strace(plain)
  const child: ChildProcess = spawn(program, rest, {
    stdio: ['pipe', 'pipe', 'pipe', 'pipe'],
    env: { ...process.env, NODE_COMPILE_CACHE: cache(repository) },
  })
  const commits: Commit[] = []
  let pids: Pids | null = null
  let report: VictimReport | null = null
  let errors = ''
  child.stderr?.setEncoding('utf8').on('data', (text: string) => {
    errors = (errors + text).slice(-4_000)
  })
  const lines = (stream: unknown): ReturnType<typeof createInterface> => createInterface({ input: stream as Readable })
  lines(child.stdout).on('line', (text) => {
    const [word, ...words] = text.split(' ')
    if (word === 'ready') pids = { engine: Number(words[0]), program: Number(words[1]) }
    if (word === 'report') report = JSON.parse(words.join(' ')) as VictimReport
  })
  const read = commitReader(data)
  lines(child.stdio[3]).on('line', (text) => {
    const commit = read(text)
    if (commit === null || pids === null || report !== null) return
    commits.push({ ...commit, at: Date.now() })
    onCommit?.(commits.at(-1) as Commit, pids, commits.filter(({ by }) => by === commit.by).length)
  })
  const hangs = setTimeout(() => {
    errors += `\nended after ${HANGS_MS / 1_000} s without coming to an end`
    if (pids !== null) killAll([pids.program])
    child.kill('SIGKILL')
  }, HANGS_MS)
  return new Promise((resolve) =>
    child.once('close', (code, signal) => {
      clearTimeout(hangs)
      resolve({ code, signal, spawned, report, commits, errors })
    }),
  )
}
