/** What changed between two definitions, by meaning: stage, task and field, with the value before and after. */
import { TextDiff } from '../parts/diff.tsx'
import { asText } from '../parts/references.ts'
import { Empty } from '../parts/states.tsx'
import type { Output } from '../server/client.ts'

type Change = Output<'diff_definitions'>['changes'][number]

/** Values up to this length stand in one line. */
const SHORT = 80
const words: Record<Change['change'], string> = {
  added: 'added',
  removed: 'removed',
  changed: 'changed',
  moved: 'in another order',
}
const tones: Record<Change['change'], string> = { added: 'good', removed: 'bad', changed: 'busy', moved: 'warn' }

export function DefinitionChanges({ changes }: { changes: readonly Change[] }) {
  if (changes.length === 0)
    return (
      <Empty title="They mean the same">
        <p>What is written may differ in layout only.</p>
      </Empty>
    )
  return (
    <ul className="rows">
      {changes.map((change) => (
        <li key={`${change.change} ${change.path}`} className="change">
          <div className="row wrap">
            <span className={`status ${tones[change.change]}`}>{words[change.change]}</span>
            <strong className="break">{placeOf(change)}</strong>
          </div>
          <Values change={change} />
        </li>
      ))}
    </ul>
  )
}

function placeOf({ stage, task, field, path }: Change): string {
  const parts = [
    stage === null ? null : `stage ${stage}`,
    task === null ? null : `task ${task}`,
    field === null ? null : field,
  ].filter((part) => part !== null)
  if (parts.length === 0) return path
  // An order belongs to the list that is named last in its path.
  const list = path.split('.').at(-1)
  return field === null && (list === 'stages' || list === 'tasks') ? [...parts, list].join(' › ') : parts.join(' › ')
}

function Values({ change }: { change: Change }) {
  const [old, now] = [textOf(change.old), textOf(change.new)]
  if (change.change === 'changed' && (old.length > SHORT || now.length > SHORT || /\n/.test(old + now)))
    return <TextDiff left={old} right={now} label={`${placeOf(change)}, before and after`} />
  return (
    <div className="row wrap change-values">
      {change.change !== 'added' && <del className="break">{old}</del>}
      {change.change !== 'added' && change.change !== 'removed' && <span aria-hidden="true">→</span>}
      {change.change !== 'removed' && <ins className="break">{now}</ins>}
    </div>
  )
}

const textOf = (value: unknown): string =>
  Array.isArray(value) && value.every((item) => typeof item === 'string') ? value.join(', ') : asText(value)
