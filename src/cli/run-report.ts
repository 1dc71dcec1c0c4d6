/** A run in full, as `quorate show` prints it. Pure. */
import type { DecisionView, StageView } from '../workflow/run-view.ts'
import { isBlobRef, type Json, type Value } from '../workflow/value.ts'
import type { RunDocument } from './client.ts'
import { clean, count, fit, oneLine, type Paint, painted, span, stateStyle, table, tokens, wrap } from './format.ts'

type Page = { width: number; paint: Paint; now: number }

export function reportLines(run: RunDocument, { width, paint, now }: Page): string[] {
  const title = (text: string) => ['', paint('bold', text)]
  const { cost, definition } = run
  const facts: [string, string][] = [
    ['status', `${painted(paint, run.status)}${run.reason === '' ? '' : `: ${oneLine(run.reason)}`}`],
    ['goal', run.goal === null ? '' : fit(oneLine(run.goal), Math.max(20, width - 12))],
    [
      'definition',
      definition === null
        ? ''
        : fit(
            `${oneLine(definition.name ?? '')} ${definition.hash.slice(0, 19)} (${definition.source}${definition.reason === '' ? '' : `: ${oneLine(definition.reason)}`})`.trim(),
            Math.max(20, width - 12),
          ),
    ],
    [
      'time',
      `${new Date(run.created_at).toISOString().replace('T', ' ').slice(0, 19)} UTC${cost.duration_ms === null ? '' : `, ${span(cost.duration_ms)}`}`,
    ],
    [
      'cost',
      `${cost.calls} ${cost.calls === 1 ? 'call' : 'calls'}, ${count(cost.input_tokens)} tokens in, ${tokens(cost.output_tokens, cost.unknown_usage)} out${cost.unknown_usage > 0 ? ` (${cost.unknown_usage} calls did not report theirs)` : ''}${cost.shared ? `; of it ${cost.shared.calls} calls and ${count(cost.shared.input_tokens + cost.shared.output_tokens)} tokens by the run it was forked from` : ''}`,
    ],
  ]
  return [
    paint('bold', run.id),
    ...facts.filter(([, text]) => text !== '').map(([name, text]) => `${paint('dim', name.padEnd(10))}  ${text}`),
    ...(run.stages.length > 0
      ? [...title('Stages'), ...stageTable(run.stages, { width, paint, now: run.ended_at ?? now })]
      : []),
    ...(run.left_out
      ? [paint('dim', `${run.left_out.stages} older stages are not shown: ${oneLine(run.left_out.hint)}`)]
      : []),
    ...(run.decisions.length > 0
      ? [...title('Decisions'), ...run.decisions.flatMap((decision) => decisionLines(decision, width))]
      : []),
    ...(run.approvals.length > 0
      ? [
          ...title('Waits for you'),
          ...run.approvals.map(({ question, stage }) => `${oneLine(stage)}: ${oneLine(question)}`),
        ]
      : []),
    ...(run.success.length > 0
      ? [
          ...title('Success'),
          ...run.success.map(
            ({ id, met, reason }) => `${met === null ? '?' : met ? '✓' : '✗'} ${oneLine(id)}: ${oneLine(reason)}`,
          ),
        ]
      : []),
    ...(run.result === null ? [] : [...title('Result'), ...resultLines(run.result)]),
  ]
}

function stageTable(stages: StageView[], { width, paint, now }: Page): string[] {
  const rows = stages.flatMap((stage) => [
    [
      stage.id,
      stage.state,
      stage.kind,
      stage.state === 'skipped' ? '' : span((stage.ended_at ?? now) - stage.started_at),
      '',
      stage.state === 'completed' ? '' : stage.reason,
    ],
    ...stage.tasks.map((task) => {
      const used =
        task.input_tokens === null && task.output_tokens === null
          ? '?'
          : count((task.input_tokens ?? 0) + (task.output_tokens ?? 0))
      return [
        `  ${task.id}`,
        task.state,
        task.agent ?? task.capability ?? '',
        task.duration_ms === null ? '' : span(task.duration_ms),
        task.state === 'running' ? '' : used,
        task.failure?.message ?? '',
      ]
    }),
  ])
  // A table cleans its cells, and the blanks in front of a task are its place below the stage.
  const names = rows.map((row) => (row[0]?.startsWith('  ') ? '· ' : '') + (row[0] ?? '').trim())
  return table(
    [
      { title: 'STAGE' },
      { title: 'STATE', style: stateStyle },
      { title: 'BY' },
      { title: 'TIME', align: 'right' },
      { title: 'TOKENS', align: 'right' },
      { title: 'REASON', flexible: true },
    ],
    rows.map((row, i) => [names[i] ?? '', ...row.slice(1)]),
    { width, paint },
  )
}

function decisionLines({ stage, kind, taken, then, when, inputs, reason }: DecisionView, width: number): string[] {
  const saw = Object.entries(inputs).map(([name, value]) => `${name} = ${JSON.stringify(value)}`)
  const what = `${stage === '' ? kind : `${stage} (${kind})`}: ${taken}${then.length > 0 ? ` → ${then.join(', ')}` : ''}`
  const why = [when ? `when ${when}` : '', saw.join(', '), reason].filter((part) => part !== '').join('; ')
  return [oneLine(what), ...(why === '' ? [] : wrap(oneLine(why), width, '  '))]
}

/** A result for people: text as it is, anything else as JSON. */
export function resultLines(value: Value): string[] {
  if (value === null) return []
  if (isBlobRef(value)) return [clean(value.preview), `… (${count(value.bytes)} bytes in all: ${value.$blob})`]
  const text = typeof value === 'string' ? value : (onlyText(value) ?? JSON.stringify(value, null, 2))
  return clean(text).replace(/\n+$/, '').split('\n')
}

/** The text of a result that is nothing but one text: `{ text: … }`. */
function onlyText(value: Json): string | null {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return null
  const values = Object.values(value)
  return values.length === 1 && typeof values[0] === 'string' ? values[0] : null
}
