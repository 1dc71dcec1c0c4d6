/** What a command is handed: the terminal, the machine, the server. The outermost boundary, so tests hand in their own. */
import type { Logger } from 'pino'
import type { Configuration } from '../configuration/configuration.ts'
import type { Environment } from '../configuration/environment.ts'
import type { Failure, Result } from '../failure.ts'
import { type ExitCode, exitCodes } from './exit-codes.ts'
import type { Paint } from './format.ts'
import { failureLines } from './print-failure.ts'

export type Terminal = {
  /** A line of the result, to standard output. */
  out: (line: string) => void
  /** A line about the work, to standard error. */
  err: (line: string) => void
  /** Text as it is, to standard error: progress that is drawn over. */
  draw: (text: string) => void
  /** Whether somebody looks at it: progress may be drawn over. */
  interactive: boolean
  width: () => number
  height: () => number
  paint: Paint
}

/** Turns a command's work into an action whose exit code is kept. */
export type Act = <A extends unknown[]>(work: (...args: A) => Promise<ExitCode>) => (...args: A) => Promise<void>

/** A model that is being fetched: bytes so far, bytes in all where that is known. */
export type FetchProgress = { received: number; total: number | null; what: string }

/** What `start` needs of the program once it runs. */
export type Running = {
  /** What runs where, which agents and models there are, what to type next. */
  summary: string[]
  /** Stops everything in order. May be called again. */
  close: () => Promise<void>
  /** Resolves when everything has stopped, for whatever reason. */
  closed: Promise<void>
}

export type StartQuorate = (
  configuration: Configuration,
  options: { logger: Logger; progress: (progress: FetchProgress) => void },
) => Promise<Result<Running>>

export type CommandContext = {
  terminal: Terminal
  environment: Environment
  /** What --key said; filled in by the program. */
  key?: () => string | undefined
  cwd: string
  version: string
  fetch: typeof fetch
  now: () => number
  /** Ctrl-C, SIGTERM, SIGHUP, and the end of the process that started us; one key press comes once. Returns: listen no more. */
  on_interrupt: (listener: (reason: string) => void) => () => void
  /** Ends the process without waiting for anything. */
  exit_now: (code: number) => void
  /** The program itself, loaded only by `start`. */
  load_program: () => Promise<{ startQuorate: StartQuorate }>
  read_stdin: () => Promise<string>
}

/** Prints a failure and says what the command ends with. */
export function failed({ terminal }: CommandContext, failure: Failure, json = false): ExitCode {
  if (json) terminal.err(JSON.stringify({ error: failure }))
  else for (const line of failureLines(failure, terminal.paint)) terminal.err(line)
  if (failure.field === 'server' && failure.kind === 'unavailable') return exitCodes.unreachable
  return failure.kind === 'invalid_input' ? exitCodes.usage : exitCodes.failed
}

/** Ready for a script: one JSON document. */
export const printJson = ({ terminal }: CommandContext, value: unknown): ExitCode => {
  terminal.out(JSON.stringify(value, null, 2))
  return exitCodes.done
}
