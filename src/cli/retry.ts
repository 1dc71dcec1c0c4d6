/** `quorate retry`: runs again from a stage, in a new run. */
import { Command } from 'commander'
import { ok, type Result } from '../failure.ts'
import { retry_run } from '../operations/retry_run.ts'
import type { Client } from './client.ts'
import type { Act, CommandContext } from './command-context.ts'
import { type Forked, tellForked } from './fork.ts'
import { aboutRun, type CommonOptions, onRun } from './on-run.ts'

export const retryCommand = (context: CommandContext, act: Act): Command =>
  aboutRun(new Command('retry').description('run again from a stage: what came before it is kept; a new run'))
    .argument('[stage]', 'address of the stage, such as improve[2].write; without it, the first that failed')
    .addHelpText(
      'after',
      '\nExamples:\n  quorate retry last\n  quorate retry last write\n  quorate retry run_0198c0de improve[2].write\n',
    )
    .action(
      act((given: string, stage: string | undefined, options: CommonOptions) =>
        onRun<Forked>(
          context,
          given,
          options,
          async (client, id) => {
            const from = stage === undefined ? await firstFailed(client, id) : ok(stage)
            return from.ok ? client.call(retry_run, { id, stage: from.value }) : from
          },
          (forked) => tellForked(context, forked),
        ),
      ),
    )

/** A failure in a body is that of its own stage, not only of the loop around it. */
async function firstFailed(client: Client, id: string): Promise<Result<string>> {
  const run = await client.run(id)
  if (!run.ok) return run
  const failed = run.value.stages
    .filter((stage) => stage.state === 'failed')
    .sort((a, b) => (a.ended_at ?? 0) - (b.ended_at ?? 0) || b.id.length - a.id.length)[0]
  if (failed !== undefined) return ok(failed.id)
  return {
    ok: false,
    failure: {
      kind: 'conflict',
      message: 'no stage of the run has failed',
      field: 'stage',
      remedy: `name a stage; \`quorate show ${id}\` lists them`,
    },
  }
}
