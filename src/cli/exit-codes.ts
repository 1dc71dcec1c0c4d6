/** What the command line ends with; scripts rely on it, so the numbers never change their meaning. */
import type { RunStatus } from '../workflow/run-state.ts'

export const exitCodes = {
  done: 0,
  failed: 1,
  partial: 2,
  cancelled: 3,
  unreachable: 4,
  /** EX_USAGE of sysexits.h: what was asked for cannot be understood. */
  usage: 64,
  /** 128 + SIGINT. */
  interrupted: 130,
} as const
export type ExitCode = (typeof exitCodes)[keyof typeof exitCodes]

/** A run that goes on still is not a failure of the command that looked at it. */
export const exitCodeOfRun: Record<RunStatus, ExitCode> = {
  queued: exitCodes.done,
  planning: exitCodes.done,
  running: exitCodes.done,
  waiting: exitCodes.done,
  paused: exitCodes.done,
  completed: exitCodes.done,
  partial: exitCodes.partial,
  failed: exitCodes.failed,
  cancelled: exitCodes.cancelled,
}
