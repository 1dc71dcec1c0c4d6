/** `quorate questions`: everything that waits for a person, over all runs, and how each is answered. */
import { Command } from 'commander'
import { list_questions } from '../operations/list_questions.ts'
import { type Act, type CommandContext, failed, printJson } from './command-context.ts'
import { exitCodes } from './exit-codes.ts'
import { clean, oneLine, span } from './format.ts'
import { clientFor } from './server-address.ts'

type Options = { json?: true; server?: string }
type Question = { id: string; run: { id: string; goal: string | null; definition: string | null } } & (
  | { kind: 'approval'; question: string; due: number; default: 'approve' | 'refuse' }
  | { kind: 'effect'; question: string }
  | { kind: 'signal'; due: number }
)

export const questionsCommand = (context: CommandContext, act: Act): Command =>
  new Command('questions')
    .description('list everything that waits for a person, the most urgent first')
    .option('--json', 'print JSON')
    .option('--server <url>', 'the server')
    .addHelpText('after', '\nExamples:\n  quorate questions\n  quorate questions --json | jq .total\n')
    .action(act((options: Options) => questions(context, options)))

async function questions(context: CommandContext, { json, server }: Options) {
  const { out, err, paint } = context.terminal
  const client = clientFor(context, server)
  if (!client.ok) return failed(context, client.failure, json)
  const found = await client.value.call<{ items: Question[]; total: number }>(list_questions)
  if (!found.ok) return failed(context, found.failure, json)
  if (json) return printJson(context, found.value)
  const { items, total } = found.value
  if (items.length === 0) err('Nothing waits for you.')
  for (const item of items) {
    const { run } = item
    out(`${paint('bold', oneLine(run.goal ?? run.definition ?? run.id))}  ${paint('dim', run.id)}`)
    out(`  ${item.kind === 'signal' ? `waits for the signal ${oneLine(item.id)}` : clean(item.question)}`)
    for (const line of hints(item, context.now())) out(`  ${paint('dim', line)}`)
  }
  if (items.length < total) err(`${total - items.length} more`)
  return exitCodes.done
}

function hints(item: Question, now: number): string[] {
  const left = (due: number) => span(Math.max(0, due - now))
  switch (item.kind) {
    case 'approval':
      return [
        `in ${left(item.due)} it is taken as: ${item.default}`,
        `quorate approve ${item.run.id} ${oneLine(item.id)}   (--refuse to refuse)`,
      ]
    case 'effect':
      return ['it waits as long as it takes; the console, or POST /runs/{id}/effects, takes the answer']
    case 'signal':
      return [`in ${left(item.due)} the stage ends without it`, `quorate signal ${item.run.id} ${oneLine(item.id)}`]
  }
}
