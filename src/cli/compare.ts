/** `quorate compare`: two runs side by side, and where they part. */
import { Command } from 'commander'
import { compare_runs } from '../operations/compare_runs.ts'
import type { ComparedStage, Comparison, StageSide } from '../workflow/compare-runs.ts'
import type { Act, CommandContext } from './command-context.ts'
import { changeLine } from './definitions-diff.ts'
import { exitCodes } from './exit-codes.ts'
import { clean, oneLine, span, table, tokens } from './format.ts'
import { aboutRun, type CommonOptions, onRun } from './on-run.ts'
import { runId } from './run-id.ts'

type Compared = Comparison & { a: string; b: string }

export const compareCommand = (context: CommandContext, act: Act): Command =>
  aboutRun(new Command('compare').description('compare two runs: inputs, stages, decisions, cost, and where they part'))
    .argument('<other>', 'the run to compare with')
    .addHelpText(
      'after',
      '\nExamples:\n  quorate compare run_0198c0de last\n  quorate compare run_0198c0de last --json | jq .parts_at\n\nExit codes: 0 the same, 1 different.\n',
    )
    .action(
      act((given: string, other: string, options: CommonOptions) =>
        onRun<Compared>(
          context,
          given,
          options,
          async (client, id) => {
            const second = await runId(client, other)
            return second.ok ? client.call(compare_runs, { id, other: second.value }) : second
          },
          (compared) => tell(context, compared),
          (compared) => (compared.same ? exitCodes.done : exitCodes.failed),
        ),
      ),
    )

function tell({ terminal: { out, paint, width } }: CommandContext, compared: Compared): void {
  const { parts_at, definition, inputs, stages, decisions, status, result, cost, left_out } = compared
  out(`a  ${compared.a}  ${status.a}`)
  out(`b  ${compared.b}  ${status.b}`)
  out('')
  if (compared.same) out(paint('green', 'They do the same.'))
  if (parts_at !== null)
    out(
      `${compared.same ? '' : `${paint('yellow', 'They part')} at `}${parts_at.what}${parts_at.stage === null ? '' : ` ${parts_at.stage}`}: ${oneLine(parts_at.detail)}`,
    )
  if (!definition.same) {
    out('\nDefinition')
    for (const change of definition.changes) out(`  ${changeLine(change, paint)}`)
  }
  const changed = inputs.filter((input) => !input.same)
  if (changed.length > 0) out('\nInputs')
  for (const { name, a, b } of changed) out(`  ${name}: ${clean(a ?? '(none)')} → ${clean(b ?? '(none)')}`)
  if (stages.length > 0) {
    out('\nStages')
    for (const line of stageLines(stages, width() - 2, paint)) out(`  ${line}`)
  }
  if (decisions.length > 0) out('\nDecisions taken differently')
  for (const { stage, kind, a, b } of decisions) {
    out(`  ${stage || kind}`)
    for (const [name, decision] of [
      ['a', a],
      ['b', b],
    ] as const)
      out(
        `    ${name}  ${decision === null ? 'none' : oneLine(`${decision.taken} ${decision.then.join(', ')} ${JSON.stringify(decision.inputs)}: ${decision.reason}`).slice(0, 300)}`,
      )
  }
  if (!result.same) out(`\nResult\n  a  ${clean(result.a)}\n  b  ${clean(result.b)}`)
  out(`\nCost  a ${costOf(cost.a)}   b ${costOf(cost.b)}`)
  const more = Object.entries(left_out).filter(([, n]) => n > 0)
  if (more.length > 0) out(`Not shown: ${more.map(([what, n]) => `${n} ${what}`).join(', ')}`)
}

function stageLines(stages: ComparedStage[], width: number, paint: CommandContext['terminal']['paint']): string[] {
  const text = (side: StageSide | null): string =>
    side === null ? '–' : `${side.state}${side.duration_ms === null ? '' : ` ${span(side.duration_ms)}`}`
  const agents = (side: StageSide | null): string => side?.agents.join(', ') ?? ''
  const rows = stages.map(({ stage, a, b, same, output_same }) => [
    stage,
    text(a),
    text(b),
    agents(a) === agents(b) ? agents(a) : `${agents(a)} / ${agents(b)}`,
    same ? 'same' : output_same ? 'same output' : 'differs',
  ])
  return table(
    [
      { title: 'STAGE' },
      { title: 'A' },
      { title: 'B' },
      { title: 'AGENTS', flexible: true },
      { title: '', style: (cell) => (cell === 'differs' ? 'yellow' : null) },
    ],
    rows,
    { width, paint },
  )
}

const costOf = ({ calls, input_tokens, output_tokens, unknown_usage, duration_ms }: Comparison['cost']['a']): string =>
  `${calls} calls, ${tokens(input_tokens + output_tokens, unknown_usage)} tokens, ${span(duration_ms ?? 0)}`
