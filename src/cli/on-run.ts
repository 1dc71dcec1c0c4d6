/** What commands about one run have in common: find it, ask, print. */
import type { Command } from 'commander'
import type { Result } from '../failure.ts'
import type { Client } from './client.ts'
import { type CommandContext, failed, printJson } from './command-context.ts'
import { type ExitCode, exitCodes } from './exit-codes.ts'
import { runId } from './run-id.ts'
import { clientFor } from './server-address.ts'

export type CommonOptions = { json?: true; server?: string }

/** The argument that names a run, and the options that every command has. */
export const aboutRun = (command: Command): Command =>
  withServer(command.argument('<run>', 'id of the run, its beginning or end, or `last`'))

export const withServer = (command: Command): Command =>
  command.option('--json', 'print JSON').option('--server <url>', 'the server')

/** `tell` prints the answer for people; `exit` says what the command ends with, also when it printed JSON. */
export async function onRun<T>(
  context: CommandContext,
  given: string,
  options: CommonOptions,
  ask: (client: Client, run: string) => Promise<Result<T>>,
  tell: (answer: T, run: string) => void,
  exit: (answer: T) => ExitCode = () => exitCodes.done,
): Promise<ExitCode> {
  return onServer(
    context,
    options,
    async (client) => {
      const run = await runId(client, given)
      if (!run.ok) return run
      const answer = await ask(client, run.value)
      return answer.ok ? { ok: true, value: { answer: answer.value, run: run.value } } : answer
    },
    ({ answer, run }) => tell(answer, run),
    ({ answer }) => exit(answer),
    ({ answer }) => answer,
  )
}

/** The same for what is not about one run. */
export async function onServer<T>(
  context: CommandContext,
  { json, server }: CommonOptions,
  ask: (client: Client) => Promise<Result<T>>,
  tell: (answer: T) => void,
  exit: (answer: T) => ExitCode = () => exitCodes.done,
  document: (answer: T) => unknown = (answer) => answer,
): Promise<ExitCode> {
  const client = clientFor(context, server)
  if (!client.ok) return failed(context, client.failure, json)
  const answer = await ask(client.value)
  if (!answer.ok) return failed(context, answer.failure, json)
  if (json) printJson(context, document(answer.value))
  else tell(answer.value)
  return exit(answer.value)
}
