/** `quorate signal`: sends a run what one of its stages waits for, or will. */
import { Command } from 'commander'
import { ok, type Result } from '../failure.ts'
import { signal_run } from '../operations/signal_run.ts'
import type { Json } from '../workflow/value.ts'
import { type Act, type CommandContext, failed } from './command-context.ts'
import { aboutRun, type CommonOptions, onRun } from './on-run.ts'
import { reader } from './read-file.ts'

type Options = CommonOptions & { data?: string }

export const signalCommand = (context: CommandContext, act: Act): Command =>
  aboutRun(new Command('signal').description('send a signal to a run; it is kept until a stage waits for it'))
    .argument('<name>', 'name of the signal')
    .option('--data <json>', 'what it carries: JSON, or text; @file reads it from a file')
    .addHelpText(
      'after',
      '\nExamples:\n  quorate signal last go\n  quorate signal last price --data 12.5\n  quorate signal run_0198c0de report --data @report.json\n',
    )
    .action(
      act((given: string, name: string, { data, ...options }: Options) => {
        const value = dataOf(context, data)
        if (!value.ok) return Promise.resolve(failed(context, value.failure, options.json))
        return onRun(
          context,
          given,
          options,
          (client, id) => client.call(signal_run, { id, name, data: value.value }),
          (_, run) => context.terminal.out(`signal ${name} is stored for ${run}`),
        )
      }),
    )

function dataOf(context: CommandContext, given: string | undefined): Result<Json> {
  if (given === undefined) return ok(null)
  const text =
    given.startsWith('@') && !given.startsWith('@@') ? reader(context)(given.slice(1)) : ok(given.replace(/^@@/, '@'))
  if (!text.ok) return text
  try {
    return ok(JSON.parse(text.value) as Json)
  } catch {
    return ok(text.value)
  }
}
