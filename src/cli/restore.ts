/** `quorate restore`: puts a backup in the place of the database of a data directory; nothing is deleted. */
import { resolve } from 'node:path'
import { Command } from 'commander'
import { loadConfiguration } from '../configuration/load-configuration.ts'
import { type Act, type CommandContext, failed, printJson } from './command-context.ts'
import { exitCodes } from './exit-codes.ts'
import { size } from './format.ts'

type Options = { config?: string; data?: string; json?: true }

export const restoreCommand = (context: CommandContext, act: Act): Command =>
  new Command('restore')
    .description('put a backup in the place of the data; the server must be stopped, nothing is deleted')
    .argument('<file>', 'a file that `quorate backup` wrote')
    .option('--data <folder>', 'where to restore it (default: as the configuration says, .quorate)')
    .option('--config <file>', 'the configuration that says where the data are')
    .option('--json', 'print JSON')
    .addHelpText(
      'after',
      `
Examples:
  quorate restore ~/backups/quorate-20261122-030000.db
  quorate restore before-upgrade.db --data /srv/quorate/.quorate

What was there is moved into before-restore-<time> in the data folder. At the next start, runs that were under way when
the backup was made go on from where they were then. Effects of theirs that may have happened since are asked about
first: the destination where it can be asked, else you.
`,
    )
    .action(act((file: string, options: Options) => restore(context, file, options)))

async function restore(context: CommandContext, file: string, { config, data, json }: Options) {
  const { environment, cwd, terminal, now } = context
  const loaded = loadConfiguration({ flags: { config, data }, environment, cwd })
  if (!loaded.ok) return failed(context, loaded.failure, json)
  const { restoreBackup } = await import('../data-directory.ts')
  const done = await restoreBackup({ data_dir: loaded.value.data_dir, file: resolve(cwd, file), now: now() })
  if (!done.ok) return failed(context, done.failure, json)
  if (json) return printJson(context, done.value)
  const { runs, unfinished, bytes, kept, data_dir } = done.value
  terminal.out(
    `Restored ${size(bytes)} to ${data_dir}: ${runs} ${runs === 1 ? 'run' : 'runs'}, ${unfinished} of them go on at the next start.`,
  )
  if (kept !== null) terminal.out(`What was there is in ${kept}.`)
  return exitCodes.done
}
