/** `quorate save`: the definition of a run as a template of its own. */
import { Command } from 'commander'
import { save_as_template } from '../operations/save_as_template.ts'
import type { Act, CommandContext } from './command-context.ts'
import { aboutRun, type CommonOptions, onRun } from './on-run.ts'

export const saveCommand = (context: CommandContext, act: Act): Command =>
  aboutRun(
    new Command('save').description(
      'store the definition of a run under a name, with its goal and inputs to be filled in',
    ),
  )
    .argument('<name>', 'name of the template')
    .option('--note <text>', 'why; it is kept with the version', '')
    .addHelpText(
      'after',
      '\nExamples:\n  quorate save last release_notes\n  quorate save run_0198c0de review --note "worked well twice"\n',
    )
    .action(
      act((given: string, name: string, { note, ...options }: CommonOptions & { note: string }) =>
        onRun<{ name: string; version: number; hash: string }>(
          context,
          given,
          options,
          (client, id) => client.call(save_as_template, { id, name, note }),
          (saved) => {
            context.terminal.out(`${saved.name}@${saved.version}  ${saved.hash}`)
            context.terminal.err(`run it with \`quorate run --definition ${saved.name}\``)
          },
        ),
      ),
    )
