/** `quorate upgrade`: takes runs over to the newest version of their definition, where it fits, and says what becomes of the others. */
import { Command } from 'commander'
import type { Result } from '../failure.ts'
import type { Changed } from '../operations/changed-since.ts'
import type { RunUpgrade } from '../operations/run-upgrade.ts'
import { upgrade_runs } from '../operations/upgrade_runs.ts'
import type { Client } from './client.ts'
import type { Act, CommandContext } from './command-context.ts'
import { exitCodes } from './exit-codes.ts'
import { clean, oneLine, type Style, table } from './format.ts'
import { type CommonOptions, onServer, withServer } from './on-run.ts'

type Options = CommonOptions & { dryRun?: true; definition?: string; run: string[] }
export type UpgradedRun = RunUpgrade & { done: boolean | null }
type Upgraded = { dry_run: boolean; items: UpgradedRun[] }

/** One page waits for its runs to go over; see the operation. */
const ANSWER_MS = 60_000

export const upgradeCommand = (context: CommandContext, act: Act): Command =>
  withServer(
    new Command('upgrade').description(
      'take runs that have not ended over to the newest version of their definition, where it fits',
    ),
  )
    .option('--dry-run', 'only say what would become of each run')
    .option('--definition <name>', 'only runs of this definition')
    .option('--run <id>', 'only this run; may be given several times', (id: string, all: string[]) => [...all, id], [])
    .addHelpText(
      'after',
      `
Examples:
  quorate upgrade --dry-run
  quorate upgrade --definition review
  quorate upgrade --run run_0198c0de-0000-7000-8000-000000000000 --json

continues  it follows the newest version already, or its definition was made for it alone
migrated   all that has happened would have happened so under the newer version: it goes over to it
pinned     it stays with its own version to the end; the reason names the stage, task and field that decide

Agents and models are used as they are when they are asked; what is another than a run knows is listed below it.
Exit codes: 0 done, 2 a run did otherwise than was seen, because it moved on meanwhile.
`,
    )
    .action(
      act((options: Options) =>
        onServer<Upgraded>(
          context,
          options,
          (client) => everyPage(client, options),
          (upgraded) => tell(context, upgraded),
          ({ items }) => (items.some(surprising) ? exitCodes.partial : exitCodes.done),
        ),
      ),
    )

async function everyPage(client: Client, { dryRun, definition, run }: Options): Promise<Result<Upgraded>> {
  const items: UpgradedRun[] = []
  for (let cursor: string | null | undefined; cursor !== null; ) {
    const page: Result<Upgraded & { next: string | null }> = await client.call(
      upgrade_runs,
      {
        dry_run: dryRun === true,
        limit: 100,
        definition,
        run: run.length === 0 ? undefined : run,
        cursor,
      },
      undefined,
      ANSWER_MS,
    )
    if (!page.ok) return page
    items.push(...page.value.items)
    cursor = page.value.next
  }
  return { ok: true, value: { dry_run: dryRun === true, items } }
}

/** Not what was seen when the run was looked at. */
const surprising = ({ verdict, done, reason }: UpgradedRun): boolean =>
  done === false || (done === true && verdict === 'pinned' && reason.startsWith('it moved on meanwhile'))

const styles: { [verdict: string]: Style } = { continues: 'dim', migrated: 'green', pinned: 'yellow' }

function tell({ terminal: { out, err, width, paint } }: CommandContext, { dry_run, items }: Upgraded): void {
  if (items.length === 0) return err('No run is under way.')
  const version = (name: string | null, of: UpgradedRun['from']): string =>
    of === null ? '' : `${name ?? ''}@${of.version}`
  const rows = items.map(({ run_id, definition, from, to, verdict, reason, done }) => [
    run_id,
    version(definition, from),
    from?.hash === to?.hash ? '' : version(definition, to),
    done === false ? 'accepted' : verdict,
    reason,
  ])
  const columns = [
    { title: 'RUN' },
    { title: 'FOLLOWS' },
    { title: 'NEWEST' },
    { title: 'VERDICT', style: (cell: string) => styles[cell] ?? null },
    { title: 'REASON', flexible: true },
  ]
  for (const line of table(columns, rows, { width: width(), paint })) out(line)
  const changed = new Map<string, { change: Changed; runs: number }>()
  for (const change of items.flatMap((item) => item.changed)) {
    const key = JSON.stringify(change)
    changed.set(key, { change, runs: (changed.get(key)?.runs ?? 0) + 1 })
  }
  if (changed.size > 0) out('')
  for (const { change, runs } of changed.values()) out(oneLine(changedLine(change, runs)))
  const of = (verdict: string): number => items.filter((item) => item.verdict === verdict).length
  err(
    `${of('continues')} continue, ${of('migrated')} ${dry_run ? 'would be' : 'are'} migrated, ${of('pinned')} ${dry_run ? 'would stay' : 'stay'} pinned`,
  )
}

const short = (name: string): string => (name.startsWith('sha256:') ? name.slice(7, 19) : clean(name))

const changedLine = ({ what, name, from, to, effect }: Changed, runs: number): string =>
  `${what} ${clean(name)} ${to === null ? 'is gone' : `is another${from === null ? '' : ` (${short(from)} → ${short(to)})`}`}: ${clean(effect)} (${runs} ${runs === 1 ? 'run' : 'runs'})`
