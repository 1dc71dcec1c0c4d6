/** `quorate start`: configuration, program, summary; then waits until it is told to stop, and stops in order. */
import { Command } from 'commander'
import { pino } from 'pino'
import { loadConfiguration } from '../configuration/load-configuration.ts'
import { type Act, type CommandContext, type FetchProgress, failed } from './command-context.ts'
import { exitCodes } from './exit-codes.ts'
import { fit, oneLine, type Paint, size } from './format.ts'

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
  const write = (line: string) => output.line(json ? line.trimEnd() : logLine(terminal.paint, line))
  const logger = pino({ level: configuration.log_level, base: null }, { write })

  let stop = () => {}
  const asked = new Promise<'asked'>((resolve) => {
    stop = () => resolve('asked')
  })
  let stopping = false
  const silence = context.on_interrupt((reason) => {
    if (stopping) {
      output.line('Stopped at once.')
      context.exit_now(exitCodes.interrupted)
      return
    }
    stopping = true
    output.line(`Stopping (${reason}); once more stops at once …`)
    stop()
  })
  try {
    const started = await startQuorate(configuration, { logger, progress: output.progress })
    if (!started.ok) return failed(context, started.failure, json)
    const { summary, closed, close } = started.value
    if (!stopping) output.summary(summary)
    if ((await Promise.race([asked, closed])) !== 'asked') {
      output.line('Quorate has stopped by itself; the log says why.')
      return exitCodes.failed
    }
    await close()
    output.line('Stopped.')
    return exitCodes.done
  } finally {
    silence()
  }
}

type Output = {
  line: (text: string) => void
  summary: (lines: string[]) => void
  progress: (progress: FetchProgress) => void
}

const QUIET_MS = 5_000

function textOutput({ terminal, now }: CommandContext): Output {
  let drawn = false
  let said = Number.NEGATIVE_INFINITY
  const line = (text: string) => {
    if (drawn) terminal.draw('\r\x1b[K')
    drawn = false
    terminal.err(text)
  }
  return {
    line,
    summary(lines) {
      if (drawn) terminal.draw('\r\x1b[K')
      drawn = false
      for (const each of lines) terminal.out(each)
    },
    progress(progress) {
      const whole = progress.total !== null && progress.received >= progress.total
      const text = oneLine(progressText(progress))
      if (terminal.interactive && !whole) {
        terminal.draw(`\r\x1b[K${fit(text, terminal.width() - 1)}`)
        drawn = true
      } else if (whole || now() - said >= QUIET_MS) {
        // Where nobody watches it move, a line now and then shows that it goes on.
        said = now()
        line(text)
      }
    },
  }
}

const jsonOutput = ({ terminal }: CommandContext): Output => ({
  line: (text) => terminal.err(text.startsWith('{') ? text : JSON.stringify({ event: 'note', text })),
  summary: (lines) => terminal.out(JSON.stringify({ event: 'started', summary: lines })),
  progress: (progress) => terminal.err(JSON.stringify({ event: 'progress', ...progress })),
})

/** `fetching SmolLM2 [#####     ] 47 of 94 MB` */
export function progressText({ received, total, what }: FetchProgress): string {
  if (total === null || total <= 0) return `${what}: ${size(received)}`
  const share = Math.min(1, received / total)
  const bar = '#'.repeat(Math.round(share * 20)).padEnd(20, '.')
  return `${what} [${bar}] ${Math.floor(share * 100)} % of ${size(total)}`
}

const levels: Record<number, string> = { 10: 'trace', 20: 'debug', 30: 'info', 40: 'warn', 50: 'error', 60: 'fatal' }

/** A record of the log for people: time, level, message, then what else it carries. */
export function logLine(paint: Paint, json: string): string {
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
