/** `quorate start`: configuration, program, summary; then waits until it is told to stop, and stops in order. */
import { Command } from 'commander'
import { type Logger, pino } from 'pino'
import type { Configuration } from '../configuration/configuration.ts'
import { loadConfiguration } from '../configuration/load-configuration.ts'
import type { Result } from '../failure.ts'
import { type CommandContext, failed } from './command-context.ts'
import { exitCodes } from './exit-codes.ts'
import { fit, oneLine } from './format.ts'
import type { Act } from './program.ts'

/** Where the program says what it is doing while it starts. */
export type StartOutput = {
  line: (text: string) => void
  /** One line that the next one replaces, such as a download; null ends it. */
  progress: (text: string | null) => void
}

export type Running = {
  /** What runs where, which agents and models there are, what to type next. */
  summary: string[]
  /** Stops everything in order. May be called again. */
  close: () => Promise<void>
  /** Resolves when everything has stopped, for whatever reason; rejects with what it broke on. */
  closed: Promise<void>
}

export type StartQuorate = (
  configuration: Configuration,
  options: { logger: Logger; output: StartOutput },
) => Promise<Result<Running>>

type Options = { port?: string; host?: string; data?: string; config?: string; logLevel?: string; json?: true }

export const startCommand = (context: CommandContext, act: Act): Command =>
  new Command('start')
    .description('start the server: engine, store, models and API in one')
    .option('--port <number>', 'port of the API (default: 8100)')
    .option('--host <address>', 'address to listen on (default: 127.0.0.1)')
    .option('--data <folder>', 'where everything is kept (default: .quorate)')
    .option('--config <file>', 'a quorate.yaml or localagi-config.yaml (default: those in this folder)')
    .option('--log-level <level>', 'debug, info, warn or error (default: info)')
    .option('--json', 'log and report as JSON lines')
    .addHelpText(
      'after',
      `
Examples:
  quorate start
  quorate start --port 9000 --data ~/quorate-data
  quorate start --config etc/quorate.yaml --log-level debug
  npm start -- --port 9000

Ctrl-C stops everything in order; pressed twice, at once. A second start on the same data goes on where this one stopped.
`,
    )
    .action(act((options: Options) => start(context, options)))

async function start(context: CommandContext, options: Options) {
  const { terminal } = context
  const json = options.json === true
  const loaded = loadConfiguration({
    flags: {
      port: options.port,
      host: options.host,
      data: options.data,
      config: options.config,
      'log-level': options.logLevel,
    },
    environment: context.environment,
    cwd: context.cwd,
  })
  if (!loaded.ok) return failed(context, loaded.failure, json)
  const configuration = loaded.value
  const output = json ? jsonOutput(context) : textOutput(context)
  for (const warning of configuration.warnings) output.line(`${terminal.paint('yellow', 'warning')} ${warning}`)

  const { startQuorate } = await context.load_program()
  const logger = pino(
    { level: configuration.log_level, base: null },
    { write: json ? (line) => terminal.err(line.trimEnd()) : (line) => terminal.err(logLine(context, line)) },
  )

  let running: Running | null = null
  let stopping: string | null = null
  let stopped: (() => void) | null = null
  const asked = new Promise<void>((resolve) => {
    stopped = resolve
  })
  const silence = context.on_interrupt((reason) => {
    if (stopping !== null || running === null) {
      output.progress(null)
      output.line(running === null && stopping === null ? 'Stopped while starting.' : 'Stopped at once.')
      context.exit_now(exitCodes.interrupted)
      return
    }
    stopping = reason
    output.line(`Stopping (${reason}); once more stops at once …`)
    stopped?.()
  })
  try {
    const started = await startQuorate(configuration, { logger, output })
    output.progress(null)
    if (!started.ok) return failed(context, started.failure, json)
    running = started.value
    if (json) terminal.out(JSON.stringify({ event: 'started', summary: running.summary }))
    else for (const line of running.summary) terminal.out(line)

    const over = await Promise.race([asked.then(() => 'asked' as const), running.closed.then(() => 'closed' as const)])
    if (over === 'closed') {
      output.line('Quorate has stopped.')
      return exitCodes.failed
    }
    await running.close()
    output.line('Stopped.')
    return exitCodes.done
  } finally {
    silence()
  }
}

function textOutput({ terminal }: CommandContext): StartOutput {
  let open = false
  let last = 0
  const clear = () => {
    if (open) terminal.draw('\r\x1b[K')
    open = false
  }
  return {
    line(text) {
      clear()
      terminal.err(text)
    },
    progress(text) {
      if (text === null) clear()
      else if (terminal.interactive) {
        terminal.draw(`\r\x1b[K${fit(oneLine(text), terminal.width() - 1)}`)
        open = true
      } else if (performance.now() - last > 5_000 || last === 0) {
        // Nobody watches it move: a line now and then shows that it goes on.
        last = performance.now()
        terminal.err(oneLine(text))
      }
    },
  }
}

const jsonOutput = ({ terminal }: CommandContext): StartOutput => ({
  line: (text) => terminal.err(JSON.stringify({ event: 'starting', text })),
  progress: (text) => text === null || terminal.err(JSON.stringify({ event: 'progress', text })),
})

const levels: Record<number, string> = { 10: 'trace', 20: 'debug', 30: 'info', 40: 'warn', 50: 'error', 60: 'fatal' }

/** A record of the log for people: time, level, message, then what else it carries. */
export function logLine({ terminal: { paint } }: Pick<CommandContext, 'terminal'>, json: string): string {
  const { level, time, msg, err, ...more } = JSON.parse(json) as {
    level: number
    time: number
    msg?: string
    err?: { message?: string }
  }
  const name = levels[level] ?? 'info'
  const rest = Object.entries(more).map(
    ([key, value]) => `${key}=${typeof value === 'string' ? value : JSON.stringify(value)}`,
  )
  const error = err?.message ? [`error=${err.message}`] : []
  const shown =
    name === 'error' || name === 'fatal'
      ? paint('red', name)
      : name === 'warn'
        ? paint('yellow', name)
        : paint('dim', name)
  return `${paint('dim', new Date(time).toISOString().slice(11, 19))} ${shown} ${oneLine([msg ?? '', ...error, ...rest].filter((part) => part !== '').join(' '))}`
}
