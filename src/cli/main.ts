/** The command line as a process: terminal, signals, exit code. */
import { text } from 'node:stream/consumers'
import { readEnvironment, variable } from '../configuration/environment.ts'
import { VERSION } from '../version.ts'
import type { CommandContext } from './command-context.ts'
import { colourPaint, plainPaint } from './format.ts'
import { interruptsOf } from './interrupts.ts'
import { runProgram } from './program.ts'

const environment = readEnvironment()
const argv = process.argv.slice(2)
// https://no-color.org: set to anything but nothing. Progress goes to standard error, results may go into a pipe.
const colour = variable(environment, 'NO_COLOR') === undefined && environment.TERM !== 'dumb'
const interactive =
  process.stderr.isTTY === true &&
  process.stdout.isTTY === true &&
  environment.TERM !== 'dumb' &&
  variable(environment, 'CI') === undefined

// `quorate list | head` closes the pipe early, which is no failure; a server goes on without anybody reading.
for (const stream of [process.stdout, process.stderr])
  stream.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPIPE' && error.code !== 'EIO') throw error
    if (argv[0] !== 'start') process.exit(0)
  })

const context: CommandContext = {
  terminal: {
    out: (line) => void process.stdout.write(`${line}\n`),
    err: (line) => void process.stderr.write(`${line}\n`),
    draw: (drawn) => void process.stderr.write(drawn),
    interactive,
    width: () => Math.max(40, process.stdout.columns ?? process.stderr.columns ?? 100),
    height: () => Math.max(8, process.stderr.rows ?? 24),
    paint: colour && process.stdout.isTTY ? colourPaint : plainPaint,
  },
  environment,
  cwd: process.cwd(),
  version: VERSION,
  fetch,
  now: Date.now,
  on_interrupt: interruptsOf(process, Date.now),
  exit_now: (code) => process.exit(code),
  load_program: () => import('../main.ts'),
  read_stdin: () => text(process.stdin),
}

try {
  process.exitCode = await runProgram(argv, context)
} catch (error) {
  const { message, stack } = error as Error
  process.stderr.write(`quorate: a defect of Quorate itself: ${message}\n`)
  process.stderr.write(
    variable(environment, 'QUORATE_LOG_LEVEL') === 'debug'
      ? `${stack}\n`
      : '  → run it again with QUORATE_LOG_LEVEL=debug, and report what it prints\n',
  )
  process.exitCode = 70
}
// What a broken command leaves open must not keep the terminal waiting; output that was written still goes out.
if (argv[0] === 'start') setTimeout(() => process.exit(), 2_000).unref()
