/**
 * Records a real run as `docs/media/run.svg`: the example brief-with-quotes, started and run as its README says, each
 * command on a pseudo terminal of `script` (util-linux), drawn as the terminals showed it. Needs port 8100 and a model.
 *
 *     node scripts/record-run.ts
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { cpus, tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Moment, terminalSvg } from './terminal-svg.ts'
import { TerminalText } from './terminal-text.ts'

const root = join(import.meta.dirname, '..')
const example = 'examples/brief-with-quotes'
const startCommand = `npm start -- --config ${example}/quorate.yaml`
const runCommand = [
  `npx quorate run ${example}/brief-with-quotes.yaml`,
  `--input document=@${example}/universal-declaration-of-human-rights.txt`,
  '--input question="What rights do people have at work?"',
].join(' \\\n  ')
const COLUMNS = 104
const FILM_SECONDS = 30
const panes = [
  { title: 'terminal 1', rows: 13 },
  { title: 'terminal 2', rows: 26 },
]

const data = mkdtempSync(join(tmpdir(), 'quorate-recording-'))
const screens = panes.map(() => new TerminalText(COLUMNS))
const moments: Moment[] = []
const began = performance.now()

function note(): void {
  moments.push({
    at: performance.now() - began,
    panes: screens.map((screen, pane) => screen.shown(panes[pane]?.rows ?? 0)),
  })
}

/** A command on a terminal of its own, as a person types it. */
function type(pane: number, command: string): ChildProcess {
  const rows = panes[pane]?.rows ?? 24
  screens[pane]?.write(`\x1b[1m$ ${command}\x1b[0m\n`)
  note()
  // Without the person's own npm settings; the log of requests would push the summary out of the picture.
  const environment = `env -u CI -u NO_COLOR TERM=xterm-256color NPM_CONFIG_USERCONFIG=/dev/null QUORATE_DATA_DIR=${data} QUORATE_LOG_LEVEL=warn`
  const child = spawn(
    'script',
    ['-qefc', `stty cols ${COLUMNS} rows ${rows}; exec ${environment} ${command}`, '/dev/null'],
    {
      cwd: root,
      stdio: ['pipe', 'pipe', 'inherit'],
    },
  )
  child.stdout?.setEncoding('utf8').on('data', (text: string) => {
    screens[pane]?.write(text)
    note()
  })
  return child
}

const ended = (child: ChildProcess): Promise<number | null> =>
  new Promise((resolve) => child.once('exit', (code) => resolve(code)))

const server = type(0, startCommand)
const serverEnded = ended(server)
const started = await Promise.race([
  new Promise<true>((resolve) => {
    const look = () => {
      if (JSON.stringify(moments.at(-1)?.panes[0]).includes('Ctrl-C stops')) resolve(true)
    }
    server.stdout?.on('data', look)
  }),
  serverEnded.then(() => false),
])
let code: number | null = 1
if (started) {
  const runner = type(1, runCommand)
  // A server that stops is waited for by the command; here it ends the recording.
  void serverEnded.then(() => runner.stdin?.write('\x03'))
  code = await ended(runner)
}
// As a person presses Ctrl-C.
server.stdin?.write('\x03')
await serverEnded
rmSync(data, { recursive: true, force: true })
if (!started || code !== 0) {
  console.error(JSON.stringify(moments.at(-1)?.panes.map((rows) => rows.map((row) => row.map(({ text }) => text)))))
  console.error('nothing was recorded: the run above did not complete')
  process.exit(1)
}

const seconds = (moments.at(-1)?.at ?? 0) / 1_000
const speed = Math.max(1, Math.round(seconds / FILM_SECONDS))
const last = moments.at(-1)?.panes[1] ?? []
writeFileSync(
  join(root, 'docs/media/run.svg'),
  terminalSvg({
    title: `A real run on ${cpus().length} processor cores without a GPU, ${speed} times faster than it was`,
    description: last.map((row) => row.map(({ text }) => text).join('')).join(' '),
    columns: COLUMNS,
    panes,
    moments,
    speed,
    pause: 6_000,
  }),
)
console.log(`docs/media/run.svg: ${seconds.toFixed(0)} s, ${moments.length} moments, ${speed} times faster`)
