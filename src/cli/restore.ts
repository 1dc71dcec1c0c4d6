/** `quorate restore`: puts a backup in the place of the database of a data directory; nothing is deleted. */
import { resolve } from 'node:path'
import { Command } from 'commander'
import { loadConfiguration } from '../configuration/load-configuration.ts'
import { type Act, type CommandContext, failed, printJson } from './command-context.ts'
import { exitCodes } from './exit-codes.ts'
import { oneLine, size } from './format.ts'

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
first: the destination where it can be asked, else you. API keys that were revoked since stay revoked; those of which
the data that were there do not say whether they were are named.
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
  const { runs, unfinished, bytes, kept, data_dir, api_keys } = done.value
  terminal.out(
    `Restored ${size(bytes)} to ${data_dir}: ${runs} ${runs === 1 ? 'run' : 'runs'}, ${unfinished} of them go on at the next start.`,
  )
  if (kept !== null) terminal.out(`What was there is in ${kept}.`)
  for (const text of aboutKeys(api_keys, data_dir)) terminal.out(text)
  return exitCodes.done
}

type Named = { name: string }[]

/** Which keys are answered, as far as it is not what one would think. `unread`: why what was there could not be asked. */
function aboutKeys(
  { revoked, unconfirmed, unread }: { revoked: Named; unconfirmed: Named; unread: string | null },
  data_dir: string,
): string[] {
  const names = (keys: Named): string => keys.map(({ name }) => oneLine(name)).join(', ')
  const lines: string[] = []
  if (revoked.length > 0)
    lines.push(`API keys that were revoked after the backup, and are revoked again: ${names(revoked)}.`)
  if (unconfirmed.length > 0)
    lines.push(
      `API keys of the backup that are in force now, and may have been revoked since (${unread ?? 'what was there does not know them'}): ${names(unconfirmed)}.`,
      `To end one: quorate keys revoke NAME --data ${data_dir}`,
    )
  return lines
}
