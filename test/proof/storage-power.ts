/**
 * Loss of power. A run of 30 tasks is recorded: every write, rename and fsync of the program and of its engine. Then the
 * power fails at many points of that record: what was not synced is gone, or there by halves (disk-trace.ts says what
 * that means). Each time the database has to be sound and to hold every event that somebody had been told of (the answer
 * to a request, the next step, a listener: all come after the commit), and the run has to go on to the same output
 * without a completed task again; with the engine's folder from the same moment, or with none.
 */
import { spawn } from 'node:child_process'
import { readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { DatabaseSync } from 'node:sqlite'
import { openStore } from '../../src/store/sqlite.ts'
import { verifyRows } from '../../src/store/verify-rows.ts'
import { type Dice, diceOf } from '../simulation/dice.ts'
import { type DiskOp, leftAfter, materialise, readTrace, STRACE } from './disk-trace.ts'
import { RUN_ID, SIDE_BY_SIDE, type VictimReport } from './kill-victim.ts'
import { openOutsideWork } from './outside-work.ts'
import { atMost, exactly, progress } from './report.ts'
import type { StorageFindings } from './storage-findings.ts'
import { cannotTrace, killAll, runVictim } from './traced.ts'

const HANGS_MS = 120_000

/** The undisturbed run, and all that it did to its folder. */
export async function record(data: string, outside: string): Promise<{ ops: DiskOp[]; report: VictimReport }> {
  const trace = `${data}.trace`
  const acks = `${data}.acks`
  const args = [...STRACE, '-o', trace, process.execPath, join(import.meta.dirname, 'kill-victim.ts'), data, outside]
  const child = spawn('strace', [...args, `--acks=${acks}`], { stdio: ['pipe', 'pipe', 'pipe'] })
  let report: VictimReport | null = null
  let errors = ''
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    errors = (errors + text).slice(-2_000)
  })
  createInterface({ input: child.stdout }).on('line', (line) => {
    if (line.startsWith('report ')) report = JSON.parse(line.slice(7)) as VictimReport
  })
  const hangs = setTimeout(() => killAll([child.pid ?? 0]), HANGS_MS)
  await new Promise((resolve) => child.once('close', resolve))
  clearTimeout(hangs)
  if (report === null) throw new Error(`the run could not be recorded: ${errors}`)
  const ops = readTrace(readFileSync(trace, 'latin1').split('\n'), data, acks)
  rmSync(trace)
  return { ops, report }
}

const isDatabase = (path: string): boolean => path.startsWith('quorate.db')

/** Number of the last event that somebody had been told of. */
export const toldBefore = (ops: readonly DiskOp[], cut: number): number =>
  ops.slice(0, cut).reduce((last, op) => (op.kind === 'told' ? Math.max(last, Number(op.line.slice(4))) : last), 0)

type Found = { events: number; completed: Set<string> } | string

/** What the store finds in a folder; text says what is wrong with it. */
export async function examine(folder: string): Promise<Found> {
  const opened = await openStore({ data_dir: folder, namespace: 'default', now: Date.now })
  if (!opened.ok) return opened.failure.message
  const store = opened.value
  try {
    const events = await store.events.read(RUN_ID, 0, 100_000)
    const completed = events.flatMap((event) => (event.type === 'task_finished' ? [event.data.task] : []))
    await store.close()
    const db = new DatabaseSync(join(folder, 'quorate.db'))
    const wrong = verifyRows(db)
    db.close()
    return wrong === null ? { events: events.length, completed: new Set(completed) } : wrong.message
  } catch (error) {
    await store.close()
    return String(error)
  }
}

/** Half of them right after somebody was told something, when the most would be lost; the rest anywhere. */
function cutsOf(ops: readonly DiskOp[], points: number, dice: Dice): number[] {
  const told = ops.flatMap((op, i) => (op.kind === 'told' ? [i + 1] : []))
  const cuts = new Set<number>()
  for (const cut of told) if (cuts.size < points / 2) cuts.add(cut)
  while (cuts.size < Math.min(points, ops.length)) cuts.add(dice.between(1, ops.length))
  return [...cuts].sort((a, b) => a - b)
}

export async function powerLoss(
  root: string,
  seed: number,
  points: number,
  restarts: number,
): Promise<StorageFindings> {
  const untraceable = cannotTrace()
  if (untraceable !== null)
    return { figures: [], problems: [], not_run: [`loss of power was not simulated: ${untraceable}`] }
  const outside = await openOutsideWork()
  const dice = diceOf(seed)
  const problems: string[] = []
  try {
    const { ops, report: baseline } = await record(join(root, 'power'), outside.url)
    const cuts = cutsOf(ops, points, dice)
    const folder = join(root, 'power-cut')
    let lost = 0
    let lied = 0
    let started = 0
    let again = 0
    let most = 0
    const every = Math.max(1, Math.ceil(cuts.length / restarts))
    for (const [i, cut] of cuts.entries()) {
      const loss = i % 2 === 0 ? 'drop' : 'tear'
      const where = `power lost at operation ${cut} of ${ops.length}, ${loss}, seed ${seed}`
      const left = leftAfter(ops, cut, loss, diceOf(seed * 1_000_003 + cut))
      materialise(left, folder, isDatabase)
      const found = await examine(folder)
      const told = toldBefore(ops, cut)
      if (typeof found === 'string' || found.events < told) {
        lost++
        problems.push(`${where}: ${typeof found === 'string' ? found : `${found.events} events, told of ${told}`}`)
      }
      // The measure itself: a disk that says "synced" and does not must be found out.
      materialise(
        leftAfter(ops, cut, loss, dice, (path) => path === 'quorate.db-wal'),
        folder,
        isDatabase,
      )
      const cheated = await examine(folder)
      if (typeof cheated === 'string' || cheated.events < told) lied++
      if (i % every !== 0 || typeof found === 'string') continue

      const withEngine = started % 3 !== 2
      materialise(left, folder, (path) => withEngine || !path.startsWith('engine'))
      outside.forget()
      const ended = await runVictim(folder, [outside.url])
      started++
      const calls = outside.calls()
      const with_ = `${where}, engine’s folder ${withEngine ? 'of the same moment' : 'gone'}`
      if (ended.report === null) problems.push(`${with_}: the run did not finish: ${ended.errors.slice(-600)}`)
      else if (ended.report.output !== baseline.output || !ended.report.gapless)
        problems.push(`${with_}: ${ended.report.status} with another output or a gap`)
      for (const task of found.completed)
        if (calls.has(task)) {
          again++
          problems.push(`${with_}: ${task} was complete and was called again`)
        }
      const twice = [...calls.values()].reduce((sum, n) => sum + n - 1, 0)
      most = Math.max(most, twice)
      if (started % 10 === 0) progress(`${started} restarts after loss of power; ${i + 1} of ${cuts.length} points`)
    }
    rmSync(folder, { recursive: true, force: true })
    return {
      figures: [
        { what: 'loss of power: operations on disk in the record of one run', value: ops.length },
        { what: `loss of power: points, half of them with blocks kept at random (seed ${seed})`, value: cuts.length },
        exactly('loss of power: points with a damaged database or without an event that was told of', lost, 0),
        { what: 'loss of power: restarts, two of three with the engine’s folder of the same moment', value: started },
        exactly('loss of power: completed tasks that were called again', again, 0),
        atMost('loss of power: calls twice within one restart (most)', most, SIDE_BY_SIDE),
        {
          what: 'control: the same points on a disk that says “synced” and is not: losses found',
          value: lied,
          promise: '> 0',
          kept: lied > 0,
        },
      ],
      problems,
      not_run: [],
    }
  } finally {
    await outside.close()
  }
}
