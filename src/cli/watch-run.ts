/** Progress of a run on the terminal: drawn over where somebody watches, plain lines elsewhere. */
import { type Failure, ok, type Result } from '../failure.ts'
import type { RunEvent } from '../workflow/event.ts'
import { addEvents, newFold, snapshot } from '../workflow/run-view.ts'
import type { Client, LiveCall } from './client.ts'
import type { CommandContext } from './command-context.ts'
import { type ExitCode, exitCodeOfRun } from './exit-codes.ts'
import { followRun } from './follow-run.ts'
import { eventLine, isMilestone, since } from './run-lines.ts'
import { redraw, screenLines } from './run-screen.ts'

const DRAW_MS = 100
const LIVE_MS = 1_000

type Progress = { event: (event: RunEvent) => void; trouble: (failure: Failure | null) => void; close: () => void }

/** Ends with the run, giving what the command ends with. An interrupt ends it with a failure `cancelled`; the run goes on. */
export async function watchRun(
  context: CommandContext,
  client: Client,
  run: string,
  { quiet }: { quiet: boolean },
): Promise<Result<ExitCode>> {
  const abort = new AbortController()
  const silence = context.on_interrupt(() => abort.abort())
  const progress = quiet
    ? null
    : context.terminal.interactive
      ? drawn(context, client, run, abort.signal)
      : written(context)
  try {
    const ended = await followRun(client, run, {
      signal: abort.signal,
      now: context.now,
      on_event: (event) => progress?.event(event),
      on_trouble: (failure) => progress?.trouble(failure),
    })
    return ended.ok ? ok(exitCodeOfRun[ended.value.status]) : ended
  } finally {
    progress?.close()
    silence()
  }
}

function written({ terminal }: CommandContext): Progress {
  let start: number | null = null
  let troubled = false
  return {
    event(event) {
      start ??= event.at
      if (isMilestone(event)) terminal.err(`${since(start, event.at)} ${eventLine(event, terminal.paint)}`)
    },
    trouble(failure) {
      if (failure && !troubled) terminal.err(`${failure.message}; trying again`)
      if (!failure) terminal.err('connected again')
      troubled = failure !== null
    },
    close: () => {},
  }
}

function drawn({ terminal, now }: CommandContext, client: Client, run: string, signal: AbortSignal): Progress {
  const fold = newFold()
  let live: LiveCall[] = []
  let note = ''
  let drawnLines = 0
  let due: NodeJS.Timeout | null = null
  const draw = () => {
    due = null
    const lines = screenLines(
      snapshot(fold),
      { run, live, now: now(), note },
      { width: terminal.width(), height: terminal.height(), paint: terminal.paint },
    )
    terminal.draw(redraw(drawnLines, lines))
    drawnLines = lines.length
  }
  const soon = () => {
    due ??= setTimeout(draw, DRAW_MS)
  }
  let asking = false
  const tick = setInterval(async () => {
    soon()
    if (asking || note !== '') return
    asking = true
    const seen = await client.live(run, signal)
    asking = false
    if (seen.ok) live = seen.value.calls
  }, LIVE_MS)
  return {
    event(event) {
      addEvents(fold, [event])
      soon()
    },
    trouble(failure) {
      note = failure ? `${failure.message}; trying again` : ''
      soon()
    },
    close() {
      clearInterval(tick)
      if (due) clearTimeout(due)
      live = []
      draw()
    },
  }
}
