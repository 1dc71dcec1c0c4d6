/** `quorate definitions list` and `versions`: what is stored, who made it, why. */
import { Command } from 'commander'
import { list_definitions } from '../operations/list_definitions.ts'
import { list_versions } from '../operations/list_versions.ts'
import type { Act, CommandContext } from './command-context.ts'
import { span, table } from './format.ts'
import { type CommonOptions, onServer, withServer } from './on-run.ts'

export type Summary = { hash: string; name: string; version: number; created_at: number; by: string; note: string }
type Page = { items: Summary[]; next?: string | null; total?: number | null }

export const definitionsListCommand = (context: CommandContext, act: Act): Command =>
  withServer(new Command('list').description('list stored definitions, the latest version of each'))
    .option('--text <words>', 'only those whose name or description contains this')
    .addHelpText('after', '\nExamples:\n  quorate definitions list\n  quorate definitions list --text review --json\n')
    .action(
      act(({ text, ...options }: CommonOptions & { text?: string }) =>
        onServer<Page>(
          context,
          options,
          (client) => client.call(list_definitions, { limit: 200, ...(text === undefined ? {} : { text }) }),
          (page) => tell(context, page),
        ),
      ),
    )

export const definitionsVersionsCommand = (context: CommandContext, act: Act): Command =>
  withServer(new Command('versions').description('all versions of a definition, the latest first'))
    .argument('<name>', 'its name')
    .addHelpText('after', '\nExamples:\n  quorate definitions versions review\n')
    .action(
      act((name: string, options: CommonOptions) =>
        onServer<Page>(
          context,
          options,
          (client) => client.call(list_versions, { name }),
          (page) => tell(context, page),
        ),
      ),
    )

function tell({ terminal: { out, err, width, paint }, now }: CommandContext, { items, next = null }: Page): void {
  if (items.length === 0) return err('No definitions. `quorate definitions put <file>` stores one.')
  const rows = items.map(({ name, version, created_at, by, note, hash }) => [
    `${name}@${version}`,
    `${span(now() - created_at)} ago`,
    by,
    note,
    hash.slice(0, 19),
  ])
  for (const line of table(
    [
      { title: 'DEFINITION' },
      { title: 'MADE', align: 'right' },
      { title: 'BY' },
      { title: 'NOTE', flexible: true },
      { title: 'HASH' },
    ],
    rows,
    { width: width(), paint },
  ))
    out(line)
  if (next !== null) err('There are more; --text narrows the list.')
}
