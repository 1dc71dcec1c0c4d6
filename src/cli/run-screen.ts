/** A run as it is drawn on a terminal while one waits: stages, agents at work, tokens, time. Pure. */
import type { RunView, StageView, TaskView } from '../workflow/run-view.ts'
import type { LiveCall } from './client.ts'
import { count, fit, oneLine, type Paint, painted, span, tokens } from './format.ts'

const MOST_TASKS = 6

export type ScreenSize = { width: number; height: number; paint: Paint }

/** Lines of the screen, at most `height - 1` of them and none wider than `width`. */
export function screenLines(
  view: RunView,
  { run, live, now, note }: { run: string; live: LiveCall[]; now: number; note: string },
  { width, height, paint }: ScreenSize,
): string[] {
  const cost = view.cost
  const head = [
    view.state,
    view.started_at === null ? '' : span((view.ended_at ?? now) - view.started_at),
    `${cost.calls} ${cost.calls === 1 ? 'call' : 'calls'}`,
    `${tokens(cost.input_tokens + cost.output_tokens + live.reduce((sum, call) => sum + call.tokens, 0), cost.unknown_usage)} tokens`,
    run,
  ].filter((part) => part !== '')
  const header = [fit(head.join(' · '), width).replace(view.state, painted(paint, view.state))]
  if (view.definition)
    header.push(
      paint('dim', fit(`${oneLine(view.definition.name ?? 'definition')} (${view.definition.source})`, width)),
    )
  else if (view.plan.length > 0)
    header.push(
      paint(
        'dim',
        fit(
          `${view.plan.length} ${view.plan.length === 1 ? 'plan' : 'plans'} so far: ${oneLine(view.plan.at(-1)?.problems.join('; ') || 'being checked')}`,
          width,
        ),
      ),
    )
  const nameWidth = Math.min(28, Math.max(8, ...view.stages.map(({ id }) => id.length)))
  const body = view.stages.flatMap((stage) => stageLines(stage, { live, now, nameWidth, width, paint }))
  const questions = [
    ...view.approvals.map(({ question }) => `? ${oneLine(question)}`),
    ...view.effect_questions.map(({ question }) => `? ${oneLine(question)}`),
    ...view.waits.map(({ signal }) => `? waits for the signal ${oneLine(signal)}`),
  ].map((line) => paint('yellow', fit(line, width)))
  const foot = note === '' ? [] : [paint('yellow', fit(note, width))]

  const room = Math.max(1, height - 1 - header.length - questions.length - foot.length)
  const hidden = body.length - room
  const shown = hidden > 0 ? [paint('dim', `… ${hidden + 1} lines above`), ...body.slice(hidden + 1)] : body
  return [...header, ...shown, ...questions, ...foot].slice(0, Math.max(1, height - 1))
}

const marks = { running: '●', completed: '✓', failed: '✗', skipped: '–', asking: '?', cancelled: '–' } as const
const colours = {
  running: 'cyan',
  completed: 'green',
  failed: 'red',
  skipped: 'dim',
  asking: 'yellow',
  cancelled: 'dim',
} as const

type StageSize = { live: LiveCall[]; now: number; nameWidth: number; width: number; paint: Paint }

function stageLines(stage: StageView, { live, now, nameWidth, width, paint }: StageSize): string[] {
  const settled = stage.tasks.filter(({ state }) => state === 'completed' || state === 'failed')
  const said = [
    stage.kind,
    stage.iteration === null ? '' : `iteration ${stage.iteration}`,
    stage.tasks.length === 0 ? '' : `${settled.length}/${stage.tasks.length}`,
    stage.state === 'skipped' ? '' : span((stage.ended_at ?? now) - stage.started_at),
    stage.vote?.winner ? `→ ${oneLine(stage.vote.winner)}` : '',
    typeof stage.metrics?.agreement === 'number' ? `agreement ${stage.metrics.agreement.toFixed(2)}` : '',
    stage.state === 'failed' ? oneLine(stage.reason) : '',
  ].filter((part) => part !== '')
  const name = fit(oneLine(stage.id), nameWidth).padEnd(nameWidth)
  const first = `${paint(colours[stage.state], marks[stage.state])} ${paint(stage.state === 'skipped' ? 'dim' : 'bold', name)}  ${fit(said.join(' · '), Math.max(1, width - nameWidth - 4))}`
  if (stage.state !== 'running') return [first]
  const working = stage.tasks.filter(({ state }) => state === 'running' || state === 'asking')
  const more = working.length - MOST_TASKS
  return [
    first,
    ...working.slice(0, MOST_TASKS).map((task) => taskLine(task, live, now, width, paint)),
    ...(more > 0 ? [paint('dim', `    … and ${more} more at work`)] : []),
  ]
}

function taskLine(task: TaskView, live: LiveCall[], now: number, width: number, paint: Paint): string {
  const call = live.find(({ task: address }) => address === task.address)
  const agent = call?.agent ?? task.agent ?? task.capability
  const parts = [
    agent ? oneLine(agent) : '',
    span(now - (call?.since ?? task.started_at)),
    call && call.tokens > 0 ? `${count(call.tokens)} tokens` : '',
    task.attempts.length > 1 ? `attempt ${task.attempts.length}` : '',
    call ? oneLine(call.note) : '',
  ].filter((part) => part !== '')
  return `    ${paint(colours[task.state], marks[task.state])} ${fit(`${oneLine(task.id)} — ${parts.join(', ')}`, Math.max(1, width - 6))}`
}

/** What turns the lines drawn before into the new ones. `before` is their number. */
export function redraw(before: number, lines: string[]): string {
  const up = before > 0 ? `\x1b[${before}A` : ''
  return `${up}\r\x1b[J${lines.map((line) => `${line}\n`).join('')}`
}
