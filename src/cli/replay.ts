/** `quorate replay`: folds the stored log of a run again and says whether it means the same. */
import { Command } from 'commander'
import { replay_run } from '../operations/replay_run.ts'
import type { RunEvent } from '../workflow/event.ts'
import type { Act, CommandContext } from './command-context.ts'
import { exitCodes } from './exit-codes.ts'
import { oneLine } from './format.ts'
import { aboutRun, type CommonOptions, onRun } from './on-run.ts'

type Replayed = {
  identical: boolean
  events: number
  state_hash: string
  first_difference: { seq: number; stored: RunEvent | null; derived: RunEvent | null } | null
  row_differences: { field: string; stored: unknown; derived: unknown }[]
}

export const replayCommand = (context: CommandContext, act: Act): Command =>
  aboutRun(new Command('replay').description('fold the log of a run again, without calling any agent'))
    .addHelpText(
      'after',
      '\nExamples:\n  quorate replay last\n  quorate replay last --json | jq .state_hash\n\nExit codes: 0 identical, 1 not.\n',
    )
    .action(
      act((given: string, options: CommonOptions) =>
        onRun<Replayed>(
          context,
          given,
          options,
          (client, id) => client.call(replay_run, { id }),
          (replayed, run) => tell(context, replayed, run),
          (replayed) => (replayed.identical ? exitCodes.done : exitCodes.failed),
        ),
      ),
    )

function tell(
  { terminal: { out, paint } }: CommandContext,
  { identical, events, state_hash, first_difference, row_differences }: Replayed,
  run: string,
): void {
  if (identical) return out(`${paint('green', 'identical')} ${run}: ${events} events, state ${state_hash}`)
  out(`${paint('red', 'not identical')} ${run}: ${events} events are`)
  if (first_difference !== null) {
    out(`  event ${first_difference.seq}`)
    out(`    stored   ${shown(first_difference.stored)}`)
    out(`    derived  ${shown(first_difference.derived)}`)
  }
  for (const { field, stored, derived } of row_differences)
    out(`  the list says ${field} ${JSON.stringify(stored)}, the events ${JSON.stringify(derived)}`)
}

const shown = (event: RunEvent | null): string =>
  event === null ? 'nothing' : oneLine(`${event.type} ${JSON.stringify(event.data)}`).slice(0, 400)
