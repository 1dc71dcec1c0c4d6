/** `quorate logs`: the events of a run, one line each. */
import { Command } from 'commander'
import type { RunEvent } from '../workflow/event.ts'
import type { Client } from './client.ts'
import { type Act, type CommandContext, failed } from './command-context.ts'
import { type ExitCode, exitCodeOfRun, exitCodes } from './exit-codes.ts'
import { followRun } from './follow-run.ts'
import { runId } from './run-id.ts'
import { eventLine } from './run-lines.ts'
import { clientFor } from './server-address.ts'

type Options = { follow?: true; json?: boolean; server?: string }

export const logsCommand = (context: CommandContext, act: Act): Command =>
  new Command('logs')
    .description('print the events of a run')
    .argument('<run>', 'id of the run, its beginning or end, or `last`')
    .option('-f, --follow', 'go on until the run has ended; ends as `quorate run` does')
    .option('--json', 'print each event as one line of JSON')
    .option('--server <url>', 'the server')
    .addHelpText(
      'after',
      '\nExamples:\n  quorate logs last\n  quorate logs last -f\n  quorate logs last --json | jq \'select(.type == "decision_made")\'\n',
    )
    .action(act((given: string, options: Options) => logs(context, given, options)))

async function logs(
  context: CommandContext,
  given: string,
  { follow, json = false, server }: Options,
): Promise<ExitCode> {
  const client = clientFor(context, server)
  if (!client.ok) return failed(context, client.failure, json)
  const id = await runId(client.value, given)
  if (!id.ok) return failed(context, id.failure, json)
  if (!follow) return printEvents(context, client.value, id.value, json)

  const abort = new AbortController()
  const silence = context.on_interrupt(() => abort.abort())
  const ended = await followRun(client.value, id.value, {
    signal: abort.signal,
    now: context.now,
    on_event: (event) => print(context, event, json),
    on_trouble: (failure) => context.terminal.err(failure ? `${failure.message}; trying again` : 'connected again'),
  })
  silence()
  if (ended.ok) return exitCodeOfRun[ended.value.status]
  return ended.failure.kind === 'cancelled' ? exitCodes.interrupted : failed(context, ended.failure, json)
}

/** All events so far, page by page. */
export async function printEvents(
  context: CommandContext,
  client: Client,
  id: string,
  json: boolean,
): Promise<ExitCode> {
  for (let after: number | null = 0; after !== null; ) {
    const page = await client.events(id, after)
    if (!page.ok) return failed(context, page.failure, json)
    for (const event of page.value.items) print(context, event, json)
    after = page.value.next
  }
  return exitCodes.done
}

function print({ terminal }: CommandContext, event: RunEvent, json: boolean): void {
  if (json) terminal.out(JSON.stringify(event))
  else
    terminal.out(
      `${terminal.paint('dim', `${String(event.seq).padStart(4)} ${new Date(event.at).toISOString().slice(11, 23)}`)} ${eventLine(event, terminal.paint)}`,
    )
}
