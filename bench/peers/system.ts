/** What each system has to do for the comparison, and how it is asked to: every one answers in a process of its own. */
import { closeSync, openSync, writeSync } from 'node:fs'

export type System = {
  /** What it leaves on the disk when it says that a step is stored, in a few words. */
  stored: string
  /**
   * One run of `n` steps in a row; every step can read a text of `carried` bytes that the run was started with.
   * Answers with the times at which the steps began, ms. A run whose output lacks a step is an error, here and below.
   */
  sequence: (n: number, carried: number) => Promise<number[]>
  /** `runs` runs of `tasks` steps, all at once. Seconds. */
  many: (runs: number, tasks: number) => Promise<number>
  /** One run of `n` parallel steps and one that joins them. Milliseconds. */
  fan: (n: number) => Promise<number>
  /** Begins such runs as in `many` and answers when every one of them stands in its first step, which waits for `release`. */
  begin: (runs: number, tasks: number) => Promise<void>
  /** Brings the runs that `begin` left in this folder to their end. */
  finish: (runs: number, tasks: number) => Promise<void>
  /** Checks what finished runs put out, where `finish` does not: that is not part of what they took. */
  check?: (runs: number, tasks: number) => Promise<void>
  /** Starts `n` runs that wait for a signal and answers when all of them are parked. Absent where there is no such thing. */
  park?: (n: number) => Promise<void>
  close: () => Promise<void>
}

/** `step` is what a step does: it notes when it began and answers with 200 bytes that are its own. */
export type Steps = {
  step: (run: number, i: number, carried?: string) => string | Promise<string>
  /** Times at which steps began since the last asking, ms. */
  began: () => number[]
  /** First steps wait until `release`; `waiting` resolves when so many of them do. */
  hold: () => void
  waiting: (n: number) => Promise<void>
  release: () => void
  /** Length of the text that the next steps must find; another one is an error. */
  carry: (bytes: number) => string
}

const BYTES = 200

const resultOf = (i: number): string => `${i} `.padEnd(BYTES, 'x')

/** An error that says which step is missing, when the output of a run is not the one of `n` steps. */
export function checkOutput(output: readonly unknown[], n: number): void {
  if (output.length !== n) throw new Error(`LOST: ${output.length} results of ${n} steps`)
  const wrong = output.findIndex((each, i) => each !== resultOf(i))
  if (wrong !== -1) throw new Error(`LOST: step ${wrong} has the result ${String(output[wrong]).slice(0, 20)}`)
}

/** Lines of one length, so that the size of the file counts them. They reach the file before the step goes on. */
export const LEDGER_LINE = 12
const line = (run: number, i: number): string => `${`${run} ${i}`.padEnd(LEDGER_LINE - 1)}\n`

export function createSteps(ledger: string | null): Steps {
  const file = ledger === null ? null : openSync(ledger, 'a')
  if (file !== null) process.once('exit', () => closeSync(file))
  let at: number[] = []
  let gate: PromiseWithResolvers<void> | null = null
  let arrived = 0
  let expected: PromiseWithResolvers<void> & { n: number } = { ...Promise.withResolvers<void>(), n: 0 }
  let length = 0
  const held = async (wait: Promise<void>, i: number): Promise<string> => {
    if (++arrived === expected.n) expected.resolve()
    await wait
    return resultOf(i)
  }
  return {
    step: (run, i, carried = '') => {
      at.push(performance.now())
      if (file !== null) writeSync(file, line(run, i))
      if (carried.length !== length) throw new Error(`LOST: a text of ${carried.length} bytes instead of ${length}`)
      return i === 0 && gate !== null ? held(gate.promise, i) : resultOf(i)
    },
    began: () => {
      const times = at
      at = []
      return times
    },
    hold: () => {
      gate = Promise.withResolvers()
    },
    waiting: async (n) => {
      expected = { ...Promise.withResolvers<void>(), n }
      if (arrived < n) await expected.promise
    },
    release: () => gate?.resolve(),
    carry: (bytes) => {
      length = bytes
      return 'y'.repeat(bytes)
    },
  }
}

export type Asking = { id: number; call: keyof System | 'release' | 'stored'; args: number[] }
export type Answer = { id: number } & ({ value: unknown } | { error: string })

/**
 * The other end of `processes.ts`: opens the system over the folder of the first argument and answers what the parent
 * asks over IPC. Ends when the parent goes away.
 */
export async function serve(open: (folder: string, steps: Steps) => Promise<System>): Promise<void> {
  const [folder, ledger] = process.argv.slice(2)
  if (folder === undefined || process.send === undefined) throw new Error('npm run bench -- peers starts this file')
  process.once('disconnect', () => process.exit(0))
  const steps = createSteps(ledger ?? null)
  const system = await open(folder, steps)
  const answer = (text: Answer): void => void process.send?.(text)
  process.on('message', (asking: Asking) => {
    void (async () => {
      try {
        if (asking.call === 'release') return answer({ id: asking.id, value: steps.release() })
        if (asking.call === 'stored') return answer({ id: asking.id, value: system.stored })
        const way: unknown = system[asking.call]
        if (typeof way !== 'function') throw new Error(`there is no ${asking.call}`)
        steps.carry(0)
        const value: unknown = (await way(...asking.args)) ?? null
        answer({ id: asking.id, value })
        if (asking.call === 'close') process.disconnect?.()
      } catch (error) {
        answer({ id: asking.id, error: error instanceof Error ? error.message : String(error) })
      }
    })()
  })
  answer({ id: 0, value: null })
}
