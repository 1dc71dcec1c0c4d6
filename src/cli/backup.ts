/** `quorate backup`: the database of a data directory in one checked file, also while the program runs. */
import { resolve } from 'node:path'
import { Command } from 'commander'
import { loadConfiguration } from '../configuration/load-configuration.ts'
import { type Act, type CommandContext, failed, printJson } from './command-context.ts'
import { exitCodes } from './exit-codes.ts'
import { size } from './format.ts'

type Options = { config?: string; data?: string; force?: true; json?: true }

export const backupCommand = (context: CommandContext, act: Act): Command =>
  new Command('backup')
    .description('copy all runs, definitions and agents into one file; also while the server runs')
    .argument('<file or folder>', 'the file to write; in a folder that exists, one named by the time')
    .option('--data <folder>', 'the data to back up (default: as the configuration says, .quorate)')
    .option('--config <file>', 'the configuration that says where the data are')
    .option('--force', 'replace the file if it is there')
    .option('--json', 'print JSON')
    .addHelpText(
      'after',
      `
Examples:
  quorate backup ~/backups
  quorate backup before-upgrade.db
  0 3 * * *  cd /srv/quorate && npx quorate backup /var/backups      (a line for cron)

The file holds one moment, is read back and checked before it gets its name, and may be read by its owner only: prompts
and answers are in it. Secrets, the configuration and fetched models are not. It comes back with \`quorate restore\`.
`,
    )
    .action(act((file: string, options: Options) => backup(context, file, options)))

async function backup(context: CommandContext, file: string, { config, data, force, json }: Options) {
  const { environment, cwd, terminal, now } = context
  const loaded = loadConfiguration({ flags: { config, data }, environment, cwd })
  if (!loaded.ok) return failed(context, loaded.failure, json)
  // Loaded here: no other command of the client needs a database.
  const { backUp } = await import('../data-directory.ts')
  const done = await backUp({
    data_dir: loaded.value.data_dir,
    to: resolve(cwd, file),
    force: force === true,
    now: now(),
  })
  if (!done.ok) return failed(context, done.failure, json)
  if (json) return printJson(context, done.value)
  const { runs, unfinished, events, bytes } = done.value
  terminal.out(done.value.file)
  terminal.err(
    `${size(bytes)}, ${runs} ${runs === 1 ? 'run' : 'runs'} (${unfinished} under way), ${events} events; read back and sound`,
  )
  return exitCodes.done
}
