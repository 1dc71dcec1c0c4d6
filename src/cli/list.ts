/** `quorate list`: the runs, newest first. */
import { Command } from 'commander'
import type { Failure } from '../failure.ts'
import { runStatuses } from '../workflow/run-state.ts'
import { type Act, type CommandContext, failed, printJson } from './command-context.ts'
import { exitCodes } from './exit-codes.ts'
import { span, stateStyle, table, tokens } from './format.ts'
import { clientFor } from './server-address.ts'

type Options = { status?: string; text?: string; limit: string; json?: true; server?: string }

export const listCommand = (context: CommandContext, act: Act): Command =>
  new Command('list')
    .alias('ls')
    .description('list runs, newest first')
    .option('--status <states>', `only runs in these states: ${runStatuses.join(', ')}`)
    .option('--text <words>', 'only runs whose goal or definition contains this')
    .option('--limit <n>', 'how many, from 1 to 200', '20')
    .option('--json', 'print JSON')
    .option('--server <url>', 'the server')
    .addHelpText(
      'after',
      '\nExamples:\n  quorate list\n  quorate list --status running,waiting\n  quorate list --text licence --limit 5 --json\n',
    )
    .action(act((options: Options) => list(context, options)))

async function list(context: CommandContext, { status, text, limit, json, server }: Options) {
  const { terminal } = context
  const wrong = problemWith(status, limit)
  if (wrong) return failed(context, wrong, json)
  const client = clientFor(context, server)
  if (!client.ok) return failed(context, client.failure, json)
  const runs = await client.value.runs({
    limit: Number(limit),
    ...(status === undefined ? {} : { status: status.split(',') }),
    ...(text === undefined ? {} : { text }),
  })
  if (!runs.ok) return failed(context, runs.failure, json)
  if (json) return printJson(context, runs.value)
  const { items, next, total } = runs.value
  if (items.length === 0) {
    terminal.err('No runs. `quorate run "…"` starts one.')
    return exitCodes.done
  }
  const now = context.now()
  const rows = items.map((run) => [
    run.id,
    run.status,
    `${span(now - run.created_at)} ago`,
    run.started_at === null ? '' : span((run.ended_at ?? now) - run.started_at),
    tokens(run.input_tokens + run.output_tokens, run.unknown_usage),
    run.goal ?? run.definition_name ?? '',
  ])
  const lines = table(
    [
      { title: 'RUN' },
      { title: 'STATUS', style: stateStyle },
      { title: 'STARTED', align: 'right' },
      { title: 'TIME', align: 'right' },
      { title: 'TOKENS', align: 'right' },
      { title: 'GOAL', flexible: true },
    ],
    rows,
    { width: terminal.width(), paint: terminal.paint },
  )
  for (const line of lines) terminal.out(line)
  if (next !== null) terminal.err(`${items.length}${total === null ? '' : ` of ${total}`} runs; --limit shows more`)
  return exitCodes.done
}

function problemWith(status: string | undefined, limit: string): Failure | null {
  const unknown = status?.split(',').find((each) => !(runStatuses as readonly string[]).includes(each))
  if (unknown !== undefined)
    return {
      kind: 'invalid_input',
      message: `there is no state ${unknown}`,
      field: '--status',
      value: unknown,
      remedy: `one or more of ${runStatuses.join(', ')}, with commas between`,
    }
  if (/^\d{1,3}$/.test(limit) && Number(limit) >= 1 && Number(limit) <= 200) return null
  return {
    kind: 'invalid_input',
    message: '--limit is not a number from 1 to 200',
    field: '--limit',
    value: limit,
    remedy: 'write a number from 1 to 200',
  }
}
