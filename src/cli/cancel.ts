/** `quorate cancel`: ends a run; calls in flight are ended, too. */
import { Command } from 'commander'
import { type Act, type CommandContext, failed, printJson } from './command-context.ts'
import { exitCodes } from './exit-codes.ts'
import { runId } from './run-id.ts'
import { clientFor } from './server-address.ts'

type Options = { reason: string; json?: true; server?: string }

export const cancelCommand = (context: CommandContext, act: Act): Command =>
  new Command('cancel')
    .description('cancel a run, and end the calls that it has in flight')
    .argument('<run>', 'id of the run, its beginning or end, or `last`')
    .option('--reason <text>', 'why; it is kept with the run', '')
    .option('--json', 'print JSON')
    .option('--server <url>', 'the server')
    .addHelpText('after', '\nExamples:\n  quorate cancel last\n  quorate cancel run_0198c0de --reason "wrong input"\n')
    .action(act((given: string, options: Options) => cancel(context, given, options)))

async function cancel(context: CommandContext, given: string, { reason, json, server }: Options) {
  const client = clientFor(context, server)
  if (!client.ok) return failed(context, client.failure, json)
  const id = await runId(client.value, given)
  if (!id.ok) return failed(context, id.failure, json)
  const accepted = await client.value.cancel(id.value, reason)
  if (!accepted.ok) return failed(context, accepted.failure, json)
  if (json) return printJson(context, accepted.value)
  context.terminal.out(`${id.value} is being cancelled`)
  return exitCodes.done
}
