/** Why a run cannot follow a newer version of its definition, in words that name the stage, task and field. */
import { excerpt } from '../failure.ts'
import { parseStage, splitTask } from './address.ts'
import type { Command } from './command.ts'
import { canonicalJson } from './content-hash.ts'
import type { Definition } from './definition.ts'
import { type DefinitionChange, diffDefinitions } from './definition-diff.ts'
import type { RunEvent } from './event.ts'
import type { RunState } from './run-state.ts'

export type Misfit = {
  reason: string
  /** Path of the stage within the definition (`improve.write`), id of the task, and name of the field that decide. */
  stage: string | null
  task: string | null
  field: string | null
}

/** What one turn gave under the run's own version and gives under the newer one; null = nothing in its place. */
export type Difference = { own: RunEvent | Command | null; other: RunEvent | Command | null }

export const wholeMisfit = (reason: string): Misfit => ({ reason, stage: null, task: null, field: null })

/** @param seq number of the input in whose turn the versions part  @param old null: the run had none yet */
export function misfitOf({ own, other }: Difference, seq: number, old: Definition | null, now: Definition): Misfit {
  const subject = subjectOf(own ?? other)
  const changes = old === null ? [] : diffDefinitions(old, now)
  const decides = decisive(changes, subject, differingFields(own, other))
  const reason = [
    whatHappened(subject, own, other, seq),
    ...(decides === null ? [] : [`${excerpt(decides.path, 200)} ${was[decides.change]}`]),
  ].join(': ')
  return {
    reason,
    stage: (decides ?? subject).stage,
    task: (decides ?? subject).task,
    field: decides?.field ?? null,
  }
}

/** The events are the same, what they lead to is not: what is undone, or what feedback has counted. */
export function stateMisfit(changed: RunState, other: RunState, old: Definition, now: Definition): Misfit {
  const parts = Object.keys(other) as (keyof RunState)[]
  const part = parts.find((name) => canonicalJson(changed[name]) !== canonicalJson(other[name])) ?? 'top'
  const [what, field] = kept[part] ?? ['what the run keeps of its past', '']
  const decides = diffDefinitions(old, now).find((change) => field !== '' && (change.field ?? '').startsWith(field))
  const reason = `${what} differs${decides === undefined ? '' : `: ${excerpt(decides.path, 200)} ${was[decides.change]}`}`
  return { reason, stage: decides?.stage ?? null, task: decides?.task ?? null, field: decides?.field ?? part }
}

const kept: { [part in keyof RunState]?: [string, string] } = {
  undo: ['how to undo what was done', 'compensate'],
  feedback: ['what feedback has counted so far', 'feedback'],
}

type Subject = { stage: string | null; task: string | null; address: string }

/** Stage and task that an event or a command is about. */
function subjectOf(about: RunEvent | Command | null): Subject {
  const data = (about !== null && 'data' in about ? about.data : (about ?? {})) as { [field: string]: unknown }
  const text = (name: string): string | null => (typeof data[name] === 'string' ? (data[name] as string) : null)
  const task = text('task') ?? text('step')?.replace(/#\d+$/, '') ?? text('timer')
  if (task?.includes('/')) {
    const split = splitTask(task)
    return { stage: pathOf(split.stage), task: text('timer') === null ? split.task : null, address: task }
  }
  const stage = text('stage')
  // The run of a task's parts stands at the task.
  if (stage?.includes('/')) {
    const split = splitTask(stage)
    return { stage: pathOf(split.stage), task: split.task, address: stage }
  }
  return { stage: stage === null ? null : pathOf(stage), task: null, address: stage ?? '' }
}

const pathOf = (address: string): string =>
  parseStage(address)
    .map(({ id }) => id)
    .join('.')

/** Names of fields in which two commands or events about the same thing differ. */
function differingFields(own: Difference['own'], other: Difference['other']): string[] {
  if (own === null || other === null) return []
  const fields = (each: RunEvent | Command): { [field: string]: unknown } =>
    ('data' in each ? each.data : each) as { [field: string]: unknown }
  const [a, b] = [fields(own), fields(other)]
  return [...new Set([...Object.keys(a), ...Object.keys(b)])].filter(
    (name) => canonicalJson(a[name] ?? null) !== canonicalJson(b[name] ?? null),
  )
}

/** The change of the definition that is nearest to what differs: the same field, else task, else stage, else around it. */
function decisive(changes: DefinitionChange[], { stage, task }: Subject, fields: string[]): DefinitionChange | null {
  const nearness = (change: DefinitionChange): number => {
    if (stage === null) return change.stage === null ? 1 : 0
    const there = change.stage === stage
    const field = (change.field ?? '').split('.')[0] ?? ''
    const same =
      fields.some((name) => name === field || name.startsWith(`${field}_`)) || field === spelled[fields[0] ?? '']
    if (there && change.task === task && change.field !== null && same) return 6
    if (there && change.task === task && task !== null) return 5
    if (there && change.task === null) return 4
    if (there) return 3
    if (change.stage !== null && (stage.startsWith(`${change.stage}.`) || change.change === 'moved')) return 2
    return change.change === 'moved' || change.stage === null ? 1 : 0.5
  }
  return changes.reduce<DefinitionChange | null>(
    (best, change) => (best === null || nearness(change) > nearness(best) ? change : best),
    null,
  )
}

/** Fields that a command spells otherwise than the definition. */
const spelled: { [field: string]: string } = { due: 'timeout', timeout_ms: 'timeout', reason: 'until' }

const was = { added: 'was added', removed: 'was removed', changed: 'was changed', moved: 'was put in another order' }

function whatHappened(
  { address, task }: Subject,
  own: Difference['own'],
  other: Difference['other'],
  seq: number,
): string {
  const place = excerpt(address || 'the run', 200)
  if (own === null) return `${place} would have begun with event ${seq} already`
  const same = other !== null && subjectOf(other).address === address && kindOf(own) === kindOf(other)
  if (!same) return `${place} has begun with event ${seq}, and would not have under the newer version`
  return `${task === null ? '' : 'task '}${place} has gone on event ${seq} under the older words`
}

const kindOf = (each: RunEvent | Command): string => ('do' in each ? each.do : each.type)
