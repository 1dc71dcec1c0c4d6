/** `quorate metrics`: what agents or models did in a time, with how sure that is. */
import { Command, Option } from 'commander'
import type { TaskTotals } from '../metrics/over-time.ts'
import { metrics_over_time } from '../operations/metrics_over_time.ts'
import { ranges } from '../operations/time-range.ts'
import { type Act, type CommandContext, failed, printJson } from './command-context.ts'
import { exitCodes } from './exit-codes.ts'
import { count, span, table, tokens } from './format.ts'
import { clientFor } from './server-address.ts'

type Options = { range: string; by: 'agent' | 'model'; json?: true; server?: string }
type OverTime = { runs: { total: number }; totals: TaskTotals; groups: { name: string; totals: TaskTotals }[] }

export const metricsCommand = (context: CommandContext, act: Act): Command =>
  new Command('metrics')
    .description('show what agents or models did: success with its interval, time, tokens')
    .addOption(new Option('--range <range>', 'how far back').choices(Object.keys(ranges)).default('24h'))
    .addOption(new Option('--by <what>', 'told apart by').choices(['agent', 'model']).default('agent'))
    .option('--json', 'print JSON, with every point in time')
    .option('--server <url>', 'the server')
    .addHelpText(
      'after',
      '\nExamples:\n  quorate metrics\n  quorate metrics --range 30d --by model\n  quorate metrics --json | jq .totals\n',
    )
    .action(act((options: Options) => metrics(context, options)))

async function metrics(context: CommandContext, { range, by, json, server }: Options) {
  const { terminal } = context
  const client = clientFor(context, server)
  if (!client.ok) return failed(context, client.failure, json)
  const found = await client.value.call<OverTime>(metrics_over_time, { range, by, points: json === true })
  if (!found.ok) return failed(context, found.failure, json)
  if (json) return printJson(context, found.value)
  const { runs, totals, groups } = found.value
  terminal.out(
    `${count(runs.total)} runs and ${count(totals.completed + totals.failed + totals.other)} attempts of tasks ended in the last ${range}`,
  )
  const rows = [...groups, { name: 'all', totals }].map(({ name, totals: of }) => [
    name,
    count(of.calls),
    successText(of.success),
    of.p50_ms === null ? '' : span(of.p50_ms),
    of.p95_ms === null ? '' : span(of.p95_ms),
    tokens(of.input_tokens + of.output_tokens, of.unknown_usage),
  ])
  for (const line of table(
    [
      { title: by.toUpperCase(), flexible: true },
      { title: 'CALLS', align: 'right' },
      { title: 'SUCCESS' },
      { title: 'P50', align: 'right' },
      { title: 'P95', align: 'right' },
      { title: 'TOKENS', align: 'right' },
    ],
    rows,
    { width: terminal.width(), paint: terminal.paint },
  ))
    terminal.out(line)
  return exitCodes.done
}

const percent = (value: number): string => `${Math.round(value * 100)}`
const successText = ({ value, interval, n, needs }: TaskTotals['success']): string =>
  value === null || interval === null
    ? `needs ${needs} results, has ${n}`
    : `${percent(value)} % (${percent(interval[0])} to ${percent(interval[1])}) of ${count(n)}`
