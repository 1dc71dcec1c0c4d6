/** `quorate approve`: answers what a run asks a person; without an approval, shows what it asks. */
import { Command } from 'commander'
import { fail, ok, type Result } from '../failure.ts'
import { answer_approval } from '../operations/answer_approval.ts'
import { list_approvals } from '../operations/list_approvals.ts'
import type { Client } from './client.ts'
import type { Act, CommandContext } from './command-context.ts'
import { clean, span } from './format.ts'
import { aboutRun, type CommonOptions, onRun } from './on-run.ts'

type Options = CommonOptions & { refuse?: true; comment: string }
type Open = { approval: string; stage: string; question: string; due: number; default: string }
type Answered = { approval: string } | { items: Open[] }

export const approveCommand = (context: CommandContext, act: Act): Command =>
  aboutRun(
    new Command('approve').description('approve what a run asks, or refuse it; without an approval, show what it asks'),
  )
    .argument('[approval]', 'id of the approval; `only` for the one that is open')
    .option('--refuse', 'refuse it')
    .option('--comment <text>', 'kept with the decision, and handed to the stages that follow', '')
    .addHelpText(
      'after',
      '\nExamples:\n  quorate approve last                         show what it asks\n  quorate approve last only --comment "looks good"\n  quorate approve run_0198c0de deploy --refuse --comment "not on a Friday"\n',
    )
    .action(
      act((given: string, approval: string | undefined, { refuse, comment, ...options }: Options) =>
        onRun<Answered>(
          context,
          given,
          options,
          (client, id) =>
            approval === undefined && refuse === undefined && comment === ''
              ? openOnes(client, id)
              : answer(client, id, approval ?? 'only', refuse === true ? 'refuse' : 'approve', comment),
          (answered, run) => {
            const { out, err } = context.terminal
            if ('approval' in answered)
              return out(`${answered.approval} of ${run} is ${refuse ? 'refused' : 'approved'}`)
            if (answered.items.length === 0) return err(`${run} asks nothing.`)
            for (const { approval: id, question, due, default: otherwise } of answered.items) {
              out(`${id}  ${clean(question)}`)
              out(`  in ${span(Math.max(0, due - context.now()))} it is taken as: ${otherwise}`)
            }
          },
        ),
      ),
    )

const openOnes = (client: Client, id: string): Promise<Result<{ items: Open[] }>> => client.call(list_approvals, { id })

async function answer(
  client: Client,
  id: string,
  given: string,
  decision: 'approve' | 'refuse',
  comment: string,
): Promise<Result<Answered>> {
  const open = given === 'only' ? await openOnes(client, id) : null
  if (open !== null && !open.ok) return open
  const [only, ...others] = open?.value.items ?? []
  if (open !== null && (only === undefined || others.length > 0))
    return fail(
      only === undefined ? 'not_found' : 'invalid_input',
      only === undefined ? 'the run asks nothing' : `the run asks ${others.length + 1} things`,
      {
        field: 'approval',
        value: given,
        remedy: `\`quorate approve ${id}\` shows what it asks`,
      },
    )
  const approval = only?.approval ?? given
  const accepted = await client.call(answer_approval, { id, approval, decision, comment })
  return accepted.ok ? ok({ approval, decision }) : accepted
}
