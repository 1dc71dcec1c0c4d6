/** Runs one command to its end within its limits. When {@link runCommand} settles, no process of it is left. */
import { type ChildProcess, spawn } from 'node:child_process'
import { setImmediate as nextTurn, setTimeout as pause } from 'node:timers/promises'
import { endTree, memoryOf, type Tree } from './process-tree.ts'

export type Command = {
  program: string
  args: string[]
  folder: string
  env: { [name: string]: string }
  /** `NAME=value` of a variable in `env` whose value no other command has. */
  mark: string
  /** Sent to the standard input; null = it is closed from the beginning. */
  stdin: string | null
  limits: { time_ms: number; output_bytes: number; memory_bytes: number | null }
}

export type Stopped = 'aborted' | 'time' | 'output' | 'memory'

export type Ended =
  | { how: 'not_started'; error: NodeJS.ErrnoException }
  | { how: 'stopped'; why: Stopped; errors: string }
  /** `errors`: the last part of what it wrote to standard error. */
  | { how: 'exited'; code: number | null; signal: string | null; output: Buffer; errors: string }

/** Bytes of standard error that are kept, from the end. */
const KEPT_ERRORS = 16_384
const MEMORY_POLL_MS = 200
/** When all processes are gone a pipe closes at once; only one that escaped can still hold it. */
const PIPE_MS = 1_000

export async function runCommand(
  command: Command,
  signal: AbortSignal,
  onOutput: (chunk: Buffer) => void,
): Promise<Ended> {
  let child: ChildProcess
  try {
    child = spawn(command.program, command.args, {
      cwd: command.folder,
      env: command.env,
      // A session and process group of its own, led by the command: what endTree ends.
      detached: true,
      stdio: [command.stdin === null ? 'ignore' : 'pipe', 'pipe', 'pipe'],
    })
  } catch (error) {
    return { how: 'not_started', error: error as NodeJS.ErrnoException }
  }
  const gone = new Promise<{ code: number | null; signal: string | null } | { error: Error }>((resolve) => {
    child.once('error', (error) => child.pid === undefined && resolve({ error }))
    child.once('exit', (code, by) => resolve({ code, signal: by }))
  })
  const closed = new Promise<void>((resolve) => child.once('close', () => resolve()))
  if (child.pid === undefined) {
    const failed = await gone
    return { how: 'not_started', error: 'error' in failed ? failed.error : new Error('no process id') }
  }
  const tree: Tree = { root: child.pid, mark: command.mark }

  let why: Stopped | null = null
  let ending: Promise<void> | null = null
  const stop = (reason: Stopped) => {
    if (why !== null) return
    why = reason
    // A tree that eats the memory gets no time to go on eating.
    ending = endTree(tree, reason === 'memory' ? 0 : undefined)
  }

  const output: Buffer[] = []
  let size = 0
  child.stdout?.on('data', (chunk: Buffer) => {
    if (why !== null) return
    size += chunk.length
    if (size > command.limits.output_bytes) return stop('output')
    output.push(chunk)
    onOutput(chunk)
  })
  let errors = Buffer.alloc(0)
  child.stderr?.on('data', (chunk: Buffer) => {
    errors = Buffer.concat([errors, chunk]).subarray(-KEPT_ERRORS)
  })
  // A command that does not read its input closes the pipe (EPIPE): its own business.
  child.stdin?.on('error', () => {})
  child.stdin?.end(command.stdin)

  const onAbort = () => stop('aborted')
  signal.addEventListener('abort', onAbort, { once: true })
  if (signal.aborted) onAbort()
  const clock = setTimeout(() => stop('time'), command.limits.time_ms)
  const { memory_bytes } = command.limits
  const watch =
    memory_bytes === null
      ? undefined
      : setInterval(() => memoryOf(tree) > memory_bytes && stop('memory'), MEMORY_POLL_MS)
  const exit = await gone
  clearTimeout(clock)
  clearInterval(watch)

  // What it left running in the background is part of it, and would hold its output open.
  await (ending ?? endTree(tree))
  // One more turn after the wait: in a program that was busy meanwhile, what is in the pipe has not been read yet.
  await Promise.race([closed, pause(PIPE_MS).then(() => nextTurn())])
  signal.removeEventListener('abort', onAbort)
  child.stdout?.destroy()
  child.stderr?.destroy()

  const text = errors.toString('utf8')
  if (why !== null) return { how: 'stopped', why, errors: text }
  return { how: 'exited', code: null, signal: null, ...exit, output: Buffer.concat(output), errors: text }
}
