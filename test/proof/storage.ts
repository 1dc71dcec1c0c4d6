/**
 * Part `storage` of the proof: loss of power, full and read-only disks, damaged data, a clock that jumps, backup and
 * restore while runs are under way. Each file beside this one says what it does.
 * Usage: storage.ts --root=DIR [--seed=1] [--points=200] [--restarts=200] [--damages=1000] [--only=power,disk,damage,clock,backup]
 */
import { numberOption, option, workFolder } from './part-options.ts'
import { exactly, printReport, progress } from './report.ts'
import { backups } from './storage-backup.ts'
import { clockJumps } from './storage-clock.ts'
import { damage } from './storage-damage.ts'
import type { StorageFindings } from './storage-findings.ts'
import { disksInTrouble } from './storage-full.ts'
import { powerLoss } from './storage-power.ts'

const { root } = workFolder('storage')
const seed = numberOption('seed', 1)
const points = numberOption('points', 200)

const kinds: { [name: string]: () => Promise<StorageFindings> } = {
  power: () => powerLoss(root, seed, points, numberOption('restarts', points)),
  disk: () => disksInTrouble(root),
  damage: () => damage(root, seed, numberOption('damages', 1_000)),
  clock: () => clockJumps(root),
  backup: () => backups(root, seed),
}
const wanted = option('only', Object.keys(kinds).join()).split(',')
const all: StorageFindings[] = []
for (const [name, find] of Object.entries(kinds)) {
  if (!wanted.includes(name)) all.push({ figures: [], problems: [], not_run: [`storage: ${name}, not asked for`] })
  else all.push(await find())
  progress(`${name}: ${all.at(-1)?.problems.length} problems`)
}
const problems = all.flatMap((each) => each.problems)
for (const problem of problems.slice(0, 20)) progress(`BROKEN ${problem}`)
printReport({
  part: 'storage',
  figures: [...all.flatMap((each) => each.figures), exactly('storage: promises broken, over all', problems.length, 0)],
  not_run: all.flatMap((each) => each.not_run),
  seed,
})
