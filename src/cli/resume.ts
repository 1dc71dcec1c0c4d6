/** `quorate resume`: a paused run goes on. */
import { Command } from 'commander'
import { resume_run } from '../operations/resume_run.ts'
import type { Act, CommandContext } from './command-context.ts'
import { aboutRun, type CommonOptions, onRun } from './on-run.ts'

export const resumeCommand = (context: CommandContext, act: Act): Command =>
  aboutRun(new Command('resume').description('let a paused run go on'))
    .option('--reason <text>', 'why; it is kept with the run', '')
    .addHelpText(
      'after',
      '\nExamples:\n  quorate resume last\n  quorate resume run_0198c0de --reason "approved by finance"\n',
    )
    .action(
      act((given: string, { reason, ...options }: CommonOptions & { reason: string }) =>
        onRun(
          context,
          given,
          options,
          (client, id) => client.call(resume_run, { id, reason }),
          (_, run) => context.terminal.out(`${run} goes on`),
        ),
      ),
    )
