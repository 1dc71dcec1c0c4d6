/** What the log of a run says of a fault that was planted in it. Pure: events in, finding out. */
import type { LogEvent } from './product-runs.ts'

export type Finding = {
  /** From the first time that the planted agent was asked; null: never. */
  detected_ms: number | null
  /** What the log calls it. */
  detected_by: string
  /** Of attempts that came to nothing; null where nobody counted. */
  tokens_wasted: number | null
  /** What was done about it, in order. */
  remedies: string[]
  healed: boolean
  /** Why it does not count as healed. */
  why_not: string
}

/** A detection later than this is none. The task's own time limit is far beyond, so that it alone detects nothing. */
export const DETECT_WITHIN_MS = 30_000

type Failed = {
  task: string
  attempt: number
  agent: string | null
  failure: { kind: string; message: string }
  finding?: { detector: string }
  usage: Usage
}
type Usage = { input_tokens: number | null; output_tokens: number | null }

/**
 * How an event calls what is wrong with a task, if it says that something is. That a place was given back so that others
 * have their turn (`lease`) says nothing of the task.
 */
export function signOf({ type, data }: LogEvent): string | null {
  if (type === 'remedy_tried') return String((data as { cause: string }).cause)
  const { finding, failure } = data as Partial<Failed>
  if (finding?.detector === 'lease') return null
  if (type === 'task_finished') return finding?.detector ?? null
  if (type !== 'task_failed') return null
  return finding === undefined ? (failure?.kind ?? 'unknown') : `${failure?.kind}, ${finding.detector}`
}

/** What needs a person. */
const askingTypes: ReadonlySet<string> = new Set(['effect_question', 'approval_requested', 'run_paused'])

/**
 * @param events the whole log of the run; null: it did not end
 * @param expected what only work that was really done can give, checked against the run's output here once more
 * @param struck_at when the fault began, where it is not there from the beginning
 */
export function findingOf(events: readonly LogEvent[] | null, expected: number, struck_at?: number): Finding {
  if (events === null) return { ...nothing, why_not: 'it did not end' }
  const first = events.find(({ type }) => type === 'task_started')
  const from = Math.max(struck_at ?? 0, first?.at ?? 0)
  const sign = events.find((event) => event.at >= from && signOf(event) !== null)
  const detected_ms = sign === undefined ? null : sign.at - from
  const failed = events.filter(({ type }) => type === 'task_failed').map(({ data }) => data as Failed)
  const tokens = failed.map(({ usage: { input_tokens, output_tokens } }) =>
    input_tokens === null || output_tokens === null ? null : input_tokens + output_tokens,
  )
  return {
    detected_ms,
    detected_by: sign === undefined ? '' : (signOf(sign) ?? ''),
    tokens_wasted: tokens.some((n) => n === null) ? null : tokens.reduce<number>((sum, n) => sum + (n ?? 0), 0),
    remedies: remediesIn(events),
    ...outcomeOf(events, expected),
  }
}

const nothing: Finding = {
  detected_ms: null,
  detected_by: '',
  tokens_wasted: null,
  remedies: [],
  healed: false,
  why_not: '',
}

/** What the log names as a remedy, and attempts after others that it names none for. */
function remediesIn(events: readonly LogEvent[]): string[] {
  const remedies: string[] = []
  const before = new Map<string, string | null>()
  const named = new Map<string, string>()
  for (const { type, data } of events) {
    if (type === 'remedy_tried') {
      const { task, attempt, remedy } = data as { task: string; attempt: number | null; remedy: string }
      if (attempt === null) remedies.push(remedy)
      else named.set(`${task}#${attempt}`, remedy)
    }
    if (type !== 'task_finished' && type !== 'task_failed') continue
    const { task, attempt, agent } = data as { task: string; attempt: number; agent: string | null }
    const plain = before.get(task) === agent ? 'same agent' : 'other agent'
    if (before.has(task)) remedies.push(named.get(`${task}#${attempt}`) ?? plain)
    before.set(task, agent)
  }
  return remedies
}

function outcomeOf(events: readonly LogEvent[], expected: number): Pick<Finding, 'healed' | 'why_not'> {
  const no = (why_not: string) => ({ healed: false, why_not })
  const asked = events.find(({ type }) => askingTypes.has(type))
  if (asked !== undefined) return no(`a person was asked (${asked.type})`)
  const end = events.findLast(({ type }) => type === 'run_finished')?.data as
    | { status: string; reason: string; output: unknown; success: { met: boolean | null; reason: string }[] }
    | undefined
  if (end === undefined) return no('it did not end')
  const missed = end.success.find(({ met }) => met !== true)
  if (end.status !== 'completed') return no(`${end.status}: ${end.reason.slice(0, 120)} (${missed?.reason ?? ''})`)
  if (end.success.length === 0 || missed !== undefined) return no('a success criterion is not met')
  if ((end.output as { value?: unknown } | null)?.value !== expected) return no('another value than the right one')
  return { healed: true, why_not: '' }
}

/** Whether a run with nothing wrong was disturbed: it did not succeed, or the log says that something is wrong. */
export function disturbance(
  events: readonly LogEvent[] | null,
  expected: number,
  /** Failures of its own that belong to it. */
  own_failures = 0,
): { alarm: string | null; harm: string | null } {
  if (events === null) return { alarm: null, harm: 'it did not end' }
  const signs = events.map(signOf).filter((sign) => sign !== null)
  const { healed, why_not } = outcomeOf(events, expected)
  return {
    alarm: signs.length > own_failures ? (signs.at(-1) ?? null) : null,
    harm: healed ? null : why_not,
  }
}
