/** `quorate definitions diff`: what differs between two stored definitions. */
import { Command } from 'commander'
import { diff_definitions } from '../operations/diff_definitions.ts'
import type { DefinitionChange } from '../workflow/definition-diff.ts'
import type { Act, CommandContext } from './command-context.ts'
import { exitCodes } from './exit-codes.ts'
import { oneLine, type Paint } from './format.ts'
import { type CommonOptions, onServer, withServer } from './on-run.ts'

type Diff = { same: boolean; changes: DefinitionChange[] }

export const definitionsDiffCommand = (context: CommandContext, act: Act): Command =>
  withServer(new Command('diff').description('what differs between two stored definitions, by stage, task and field'))
    .argument('<old>', 'name, name@version or sha256:…')
    .argument('<new>', 'the other')
    .addHelpText(
      'after',
      '\nExamples:\n  quorate definitions diff review@1 review\n  quorate definitions diff review@1 review@2 --json\n\nExit codes: 0 no difference, 1 differences.\n',
    )
    .action(
      act((reference: string, other: string, options: CommonOptions) =>
        onServer<Diff>(
          context,
          options,
          (client) => client.call(diff_definitions, { reference, other }),
          ({ changes, same }) => {
            for (const change of changes) context.terminal.out(changeLine(change, context.terminal.paint))
            if (same) context.terminal.err('No difference.')
          },
          ({ same }) => (same ? exitCodes.done : exitCodes.failed),
        ),
      ),
    )

const signs = { added: ['green', '+'], removed: ['red', '-'], changed: ['yellow', '~'], moved: ['cyan', '>'] } as const

/** One change on one line; values are cut. */
export function changeLine({ change, path, old, new: now }: DefinitionChange, paint: Paint): string {
  const [style, sign] = signs[change]
  const value = (given: unknown): string => oneLine(JSON.stringify(given)).slice(0, 120)
  const what = change === 'added' ? value(now) : change === 'removed' ? value(old) : `${value(old)} → ${value(now)}`
  return `${paint(style, sign)} ${path}: ${what}`
}
