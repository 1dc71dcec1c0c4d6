/**
 * Part `replay` of the proof: every run in the data folders that other parts left is folded again from its log; what
 * follows from its inputs has to be what is stored, event for event.
 * Usage: replay-logs.ts --root=DIR
 */
import { existsSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { replayFolder } from '../replay-all.ts'
import { option } from './part-options.ts'
import { exactly, printReport, progress } from './report.ts'

const root = option('root', '.')

/** Data folders below a folder: those with a database. */
const dataFolders = (): string[] =>
  readdirSync(root, { recursive: true })
    .map(String)
    .filter((path) => path.endsWith('quorate.db'))
    .map((path) => join(root, path, '..'))

const differences: string[] = []
let runs = 0
let events = 0

if (!existsSync(root)) throw new Error(`${root} is not there: run another part first`)
for (const data_dir of dataFolders()) {
  const replayed = await replayFolder(data_dir)
  runs += replayed.runs
  events += replayed.events
  for (const difference of replayed.differences) differences.push(`${data_dir.slice(root.length + 1)}: ${difference}`)
}
for (const difference of differences.slice(0, 20)) progress(`BROKEN ${difference}`)
printReport({
  part: 'replay',
  figures: [
    { what: 'runs replayed from their logs', value: runs, promise: '≥ 1', kept: runs >= 1 },
    { what: 'events compared', value: events },
    exactly('runs whose log does not follow from its inputs', differences.length, 0),
  ],
  not_run: runs === 0 ? ['no part before this one left a data folder'] : [],
  seed: null,
})
