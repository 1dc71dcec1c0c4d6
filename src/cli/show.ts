/** `quorate show`: one run in full. */
import { Command } from 'commander'
import { type Act, type CommandContext, failed, printJson } from './command-context.ts'
import { exitCodes } from './exit-codes.ts'
import { printEvents } from './logs.ts'
import { runId } from './run-id.ts'
import { reportLines } from './run-report.ts'
import { clientFor } from './server-address.ts'

type Options = { events?: true; json?: true; server?: string }

export const showCommand = (context: CommandContext, act: Act): Command =>
  new Command('show')
    .description('show a run: stages, agents, decisions with their reasons, result, cost')
    .argument('<run>', 'id of the run, its beginning or end, or `last`')
    .option('--events', 'its events instead')
    .option('--json', 'print JSON')
    .option('--server <url>', 'the server')
    .addHelpText(
      'after',
      '\nExamples:\n  quorate show last\n  quorate show run_0198c0de-0000-7000-8000-000000000000\n  quorate show last --json | jq .decisions\n',
    )
    .action(act((given: string, options: Options) => show(context, given, options)))

async function show(context: CommandContext, given: string, { events, json, server }: Options) {
  const { terminal } = context
  const client = clientFor(context, server)
  if (!client.ok) return failed(context, client.failure, json)
  const id = await runId(client.value, given)
  if (!id.ok) return failed(context, id.failure, json)
  if (events) return printEvents(context, client.value, id.value, json === true)
  const run = await client.value.run(id.value)
  if (!run.ok) return failed(context, run.failure, json)
  const shown = { ...run.value, result: await client.value.value(run.value.result) }
  if (json) return printJson(context, shown)
  for (const line of reportLines(shown, { width: terminal.width(), paint: terminal.paint, now: context.now() }))
    terminal.out(line)
  return exitCodes.done
}
