/**
 * Backup and restore by the command line: of a run that is under way, of a program that was killed a moment ago; then
 * the data are lost, then the backup is restored. The run goes on from its log to the output of the undisturbed run.
 */
import { spawnSync } from 'node:child_process'
import { readdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { diceOf } from '../simulation/dice.ts'
import { openOutsideWork } from './outside-work.ts'
import { exactly } from './report.ts'
import type { StorageFindings } from './storage-findings.ts'
import { examine } from './storage-power.ts'
import { runVictim } from './traced.ts'

const cli = (...args: string[]): { status: number | null; said: string } => {
  const done = spawnSync(process.execPath, [join(import.meta.dirname, '../../bin/quorate.mjs'), ...args], {
    encoding: 'utf8',
    timeout: 120_000,
  })
  return { status: done.status, said: `${done.stdout}${done.stderr}` }
}

export async function backups(root: string, seed: number): Promise<StorageFindings> {
  const outside = await openOutsideWork()
  const problems: string[] = []
  const dice = diceOf(seed)
  try {
    const baseline = (await runVictim(join(root, 'backup-baseline'), [outside.url])).report
    if (baseline === null) throw new Error('the undisturbed run did not finish')
    const data = join(root, 'backup-data')
    const file = join(root, 'backup.db')
    outside.forget()
    // It dies by itself in the middle of the run, and leaves its write-ahead log behind.
    const at = dice.between(Math.floor(baseline.commits / 3), Math.floor(baseline.commits / 2))
    const killed = await runVictim(data, [outside.url, String(at), 'after', 'program'])
    if (killed.report !== null) problems.push('the program was not killed in time')
    const made = cli('backup', file, '--data', data)
    if (made.status !== 0) problems.push(`backup: ${made.said}`)
    const first = await runVictim(data, [outside.url])
    if (first.report?.output !== baseline.output) problems.push(`the run went on to another output: ${first.errors}`)
    writeFileSync(join(data, 'quorate.db'), 'a disk that died')
    outside.forget()
    const restored = cli('restore', file, '--data', data)
    if (restored.status !== 0) problems.push(`restore: ${restored.said}`)
    if (!readdirSync(data).some((name) => name.startsWith('before-restore-'))) problems.push('nothing was kept aside')
    const found = await examine(data)
    if (typeof found === 'string') problems.push(found)
    const second = await runVictim(data, [outside.url])
    const calls = outside.calls()
    if (second.report?.output !== baseline.output || !second.report.gapless)
      problems.push(`after the restore: ${second.report?.status ?? second.errors}`)
    const again = typeof found === 'string' ? [] : [...found.completed].filter((task) => calls.has(task))
    if (typeof found !== 'string' && found.completed.size === 0) problems.push('the backup held no completed task')
    rmSync(join(data, 'engine'), { recursive: true, force: true })
    return {
      figures: [
        { what: 'backup: completed tasks in it', value: typeof found === 'string' ? null : found.completed.size },
        exactly('restore: completed tasks of the backup that were called again', again.length, 0),
        exactly('restore: the run went on to the same output', problems.length === 0 ? 'yes' : 'no', 'yes'),
      ],
      problems,
      not_run: [],
    }
  } finally {
    await outside.close()
  }
}
