/** `quorate pause`: what runs ends, nothing new begins. */
import { Command } from 'commander'
import { pause_run } from '../operations/pause_run.ts'
import type { Act, CommandContext } from './command-context.ts'
import { aboutRun, type CommonOptions, onRun } from './on-run.ts'

export const pauseCommand = (context: CommandContext, act: Act): Command =>
  aboutRun(new Command('pause').description('pause a run: calls in hand end, nothing new begins'))
    .option('--reason <text>', 'why; it is kept with the run', '')
    .addHelpText(
      'after',
      '\nExamples:\n  quorate pause last\n  quorate pause run_0198c0de --reason "waits for the budget"\n',
    )
    .action(
      act((given: string, { reason, ...options }: CommonOptions & { reason: string }) =>
        onRun(
          context,
          given,
          options,
          (client, id) => client.call(pause_run, { id, reason }),
          (_, run) => context.terminal.out(`${run} is being paused; \`quorate resume ${run}\` lets it go on`),
        ),
      ),
    )
