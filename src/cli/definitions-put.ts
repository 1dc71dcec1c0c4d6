/** `quorate definitions put` and `restore`: a new version, from a file or an old one again. */
import { Command } from 'commander'
import { ok, type Result } from '../failure.ts'
import { put_definition } from '../operations/put_definition.ts'
import { restore_definition } from '../operations/restore_definition.ts'
import { type Act, type CommandContext, failed } from './command-context.ts'
import type { Summary } from './definitions-list.ts'
import { type CommonOptions, onServer, withServer } from './on-run.ts'
import { LARGEST_DEFINITION_BYTES, reader } from './read-file.ts'

type Options = CommonOptions & { note: string }

export const definitionsPutCommand = (context: CommandContext, act: Act): Command =>
  withServer(new Command('put').description('store a definition; a new content under a known name is its next version'))
    .argument('<file>', 'a .yaml or .json file; - reads standard input')
    .option('--note <text>', 'why; it is kept with the version', '')
    .addHelpText(
      'after',
      '\nExamples:\n  quorate definitions put review.yaml --note "two reviewers"\n  quorate plan "…" | quorate definitions put -\n',
    )
    .action(
      act(async (file: string, { note, ...options }: Options) => {
        const definition: Result<string> =
          file === '-' ? ok(await context.read_stdin()) : reader(context, LARGEST_DEFINITION_BYTES)(file)
        if (!definition.ok) return failed(context, definition.failure, options.json)
        return onServer<Summary>(
          context,
          options,
          (client) => client.call(put_definition, { definition: definition.value, note }),
          (stored) => tell(context, stored),
        )
      }),
    )

export const definitionsRestoreCommand = (context: CommandContext, act: Act): Command =>
  withServer(new Command('restore').description('make an old version of a definition the latest again'))
    .argument('<reference>', 'the old version: name@version or sha256:…')
    .option('--note <text>', 'why; it is kept with the version', '')
    .addHelpText('after', '\nExamples:\n  quorate definitions restore review@1 --note "the new one asks too much"\n')
    .action(
      act((reference: string, { note, ...options }: Options) =>
        onServer<Summary>(
          context,
          options,
          (client) => client.call(restore_definition, { reference, note }),
          (stored) => tell(context, stored),
        ),
      ),
    )

const tell = ({ terminal }: CommandContext, { name, version, hash }: Summary): void =>
  terminal.out(`${name}@${version}  ${hash}`)
