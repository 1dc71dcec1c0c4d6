/**
 * Part `kills` of the proof (N1): a run of 30 tasks is killed at every commit that was observed in an undisturbed one.
 *
 * Kill points. Commits of the program: writes of its store, struck before and after each, from inside. Commits of the
 * engine: every fsync and fdatasync that returns, seen by strace; struck as it returns (before anybody could act on it),
 * and once more two milliseconds later (between this one and the next). What a `kill -9` loses is what was not written
 * yet, so these are all the states that differ; power loss is another matter. Both processes are struck as it returns.
 * Times after a kill of the engine are those of a traced engine, restarts those of one that nobody traces.
 *
 * Usage: kills.ts --root=DIR [--points=N] [--seed=N] [--model=N]
 */
import { spawn } from 'node:child_process'
import { existsSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { diceOf } from '../simulation/dice.ts'
import { SIDE_BY_SIDE, TASKS, type VictimReport } from './kill-victim.ts'
import { type OutsideWork, openOutsideWork } from './outside-work.ts'
import { numberOption, workFolder } from './part-options.ts'
import { atMost, exactly, type Figure, percentile, printReport, progress } from './report.ts'
import { cannotTrace, type Ended, killAll, runVictim } from './traced.ts'

const PROGRAM_BACK_MS = 2_000
const ENGINE_PROGRESS_MS = 3_000
const ENGINE_BACK_MS = 5_000

const { root } = workFolder('kills')
const seed = numberOption('seed', 1)
const sample = numberOption('points', Number.POSITIVE_INFINITY)
const dice = diceOf(seed)
const problems: string[] = []
const not_run: string[] = []
const figures: Figure[] = []
let runs = 0
let mostAgain = 0

const dataFolder = (): string => join(root, `kill-${++runs}`)
/** What replay needs stays. */
const tidy = (data: string): void => rmSync(join(data, 'engine'), { recursive: true, force: true })

/** All of them, or as many as the sample has, by seeded dice. */
function chosen<T>(points: readonly T[]): T[] {
  if (points.length <= sample) return [...points]
  const left = [...points]
  return Array.from({ length: sample }, () => left.splice(dice.between(0, left.length - 1), 1)[0] as T)
}

function completionsIn(data: string): Set<string> {
  const file = join(data, 'quorate.db')
  if (!existsSync(file)) return new Set()
  const db = new DatabaseSync(file)
  try {
    const rows = db
      .prepare("select json_extract(data, '$.task') as task from events where type = 'task_finished'")
      .all()
    return new Set(rows.map((row) => String(row['task'])))
  } finally {
    db.close()
  }
}

/** Compares a run that was disturbed with the one that was not; answers with the number of calls again. */
function judge(
  where: string,
  report: VictimReport | null,
  errors: string,
  baseline: VictimReport,
  calls: Map<string, number>,
  atKill: { calls: Map<string, number>; stored: Set<string> } | null,
): number {
  if (report === null) problems.push(`${where}: the run did not finish: ${errors.slice(-500)}`)
  else if (report.output !== baseline.output || report.status !== baseline.status)
    problems.push(`${where}: ${report.status} with another output`)
  else if (!report.gapless) problems.push(`${where}: the log has a gap`)
  const again = [...calls.values()].reduce((sum, n) => sum + n - 1, 0)
  // Without a kill of the program every call goes on, and is joined when it is asked for again.
  const inFlight = atKill === null ? 0 : [...atKill.calls.keys()].filter((task) => !atKill.stored.has(task)).length
  for (const task of atKill?.stored ?? [])
    if (calls.get(task) !== atKill?.calls.get(task))
      problems.push(`${where}: ${task} was complete and was called again`)
  if (again > inFlight) problems.push(`${where}: ${again} calls again, ${inFlight} in flight`)
  mostAgain = Math.max(mostAgain, again)
  return again
}

/** The program dies by itself at a commit, or together with its engine; it is started again and has to finish. */
async function restartAfter(
  where: string,
  data: string,
  killed: Ended,
  baseline: VictimReport,
  outside: OutsideWork,
  withoutEngine: boolean,
): Promise<{ back: number | null; ready: number; again: number }> {
  if (killed.report !== null) return { back: null, ready: 0, again: 0 }
  const atKill = { calls: outside.calls(), stored: completionsIn(data) }
  if (withoutEngine) tidy(data)
  const second = await runVictim(data, [outside.url])
  const again = judge(where, second.report, second.errors, baseline, outside.calls(), atKill)
  const took = (moment: number | undefined): number => Math.max(0, (moment ?? second.spawned) - second.spawned)
  return {
    back: second.report === null ? null : took(second.report.completed),
    ready: took(second.report?.began),
    again,
  }
}

const seconds = (ms: number | null): number | null => (ms === null ? null : Math.round(ms) / 1_000)

async function kills(): Promise<void> {
  const outside = await openOutsideWork()
  const untraceable = cannotTrace()
  const first = dataFolder()
  const undisturbed = await runVictim(first, [outside.url], untraceable === null ? () => undefined : undefined)
  const baseline = undisturbed.report
  if (baseline === null || baseline.status !== 'completed')
    throw new Error(`the undisturbed run did not complete: ${undisturbed.errors}`)
  if (outside.calls().size !== TASKS) throw new Error(`${outside.calls().size} tasks were called, not ${TASKS}`)
  tidy(first)
  const engineCommits = undisturbed.commits.filter(({ by }) => by === 'engine').length
  const programSyncs = undisturbed.commits.filter(({ by }) => by === 'program').length
  progress(
    `undisturbed run of ${TASKS} tasks: ${baseline.commits} commits of the program (${programSyncs} fsyncs), ${engineCommits} commits of the engine`,
  )
  figures.push(
    { what: 'commits of the program in the undisturbed run (store writes)', value: baseline.commits },
    { what: 'commits of the program in the undisturbed run (fsyncs)', value: programSyncs },
    {
      what: 'commits of the engine in the undisturbed run (fsyncs)',
      value: untraceable === null ? engineCommits : null,
    },
  )

  await programFamily(baseline, outside)
  if (untraceable === null)
    for (const family of ['engine', 'both'] as const) await engineFamily(family, engineCommits, baseline, outside)
  else {
    not_run.push(`the engine’s own commits were not observed (${untraceable}); it was killed at those of the program`)
    await engineAtOwnCommits(baseline, outside)
  }
  await outside.close()
  await modelFamily()
  figures.push(
    atMost('calls again after one kill (most)', mostAgain, SIDE_BY_SIDE),
    exactly('runs that did not end as the undisturbed run, or repeated what was complete', problems.length, 0),
  )
  for (const problem of problems) progress(`BROKEN ${problem}`)
  printReport({ part: 'kills', figures, not_run, seed })
}

async function programFamily(baseline: VictimReport, outside: OutsideWork): Promise<void> {
  const all = Array.from({ length: baseline.commits }, (_, i) => i + 1).flatMap((at) =>
    (['before', 'after'] as const).map((side) => ({ at, side })),
  )
  const points = chosen(all)
  const back: number[] = []
  const backWithoutEngine: number[] = []
  const ready: number[] = []
  let again = 0
  let missed = 0
  for (const [i, { at, side }] of points.entries()) {
    const data = dataFolder()
    outside.forget()
    const withoutEngine = i % 4 === 1
    const where = `program killed ${side} its commit ${at}${withoutEngine ? ', engine’s folder deleted' : ''}`
    const killed = await runVictim(data, [outside.url, String(at), side, 'program'])
    const result = await restartAfter(where, data, killed, baseline, outside, withoutEngine)
    if (result.back === null) missed++
    else {
      ;(withoutEngine ? backWithoutEngine : back).push(result.back)
      ready.push(result.ready)
    }
    again += result.again
    tidy(data)
    if (i % 10 === 0)
      progress(`${i + 1} of ${points.length}: ${where}, all complete ${result.back ?? '-'} ms after the restart`)
  }
  figures.push(
    { what: 'program killed: points struck', value: points.length - missed },
    { what: 'program killed: points not reached, the run had ended before', value: missed },
    { what: 'program killed: calls again, over all points', value: again },
    atMost(
      'program killed: restart until all complete (p95)',
      seconds(percentile(back, 0.95)),
      PROGRAM_BACK_MS / 1_000,
      's',
    ),
    { what: 'program killed: restart until it is ready (median)', value: seconds(percentile(ready, 0.5)), unit: 's' },
    { what: 'program killed: restart until all complete (median)', value: seconds(percentile(back, 0.5)), unit: 's' },
    {
      what: 'program killed and the engine’s folder deleted: restart until all complete (p95)',
      value: seconds(percentile(backWithoutEngine, 0.95)),
      unit: 's',
    },
  )
}

async function engineFamily(
  family: 'engine' | 'both',
  commits: number,
  baseline: VictimReport,
  outside: OutsideWork,
): Promise<void> {
  const all = Array.from({ length: commits }, (_, i) => i + 1).flatMap((at) =>
    (family === 'engine' ? [0, 2] : [0]).map((later) => ({ at, later })),
  )
  const points = chosen(all)
  const taken: Taken[] = []
  const back: number[] = []
  let again = 0
  let missed = 0
  for (const [i, { at, later }] of points.entries()) {
    const data = dataFolder()
    outside.forget()
    const where = `${family} killed ${later} ms after commit ${at} of the engine`
    let struck: number | null = null
    const ended = await runVictim(data, [outside.url], (commit, pids, n) => {
      if (commit.by !== 'engine' || n !== at || struck !== null) return
      const kill = (): void => {
        struck = Date.now()
        killAll(family === 'engine' ? [pids.engine] : [pids.engine, pids.program])
      }
      if (later === 0) kill()
      else setTimeout(kill, later)
    })
    if (struck === null || (family === 'engine' && (ended.report?.completed ?? Infinity) <= struck)) missed++
    else if (family === 'both') {
      const result = await restartAfter(where, data, ended, baseline, outside, false)
      if (result.back === null) missed++
      else back.push(result.back)
      again += result.again
    } else {
      again += judge(where, ended.report, ended.errors, baseline, outside.calls(), null)
      if (ended.report !== null) taken.push(timesOf(ended.report, struck))
    }
    tidy(data)
    if (i % 10 === 0) progress(`${i + 1} of ${points.length}: ${where}`)
  }
  figures.push(
    { what: `${family} killed: points struck`, value: points.length - missed },
    { what: `${family} killed: points not reached, the run had ended before`, value: missed },
    { what: `${family} killed: calls again, over all points`, value: again },
  )
  if (family === 'engine') figures.push(...engineTimes(taken))
  else
    figures.push(
      atMost(
        'both killed: restart until all complete (p95)',
        seconds(percentile(back, 0.95)),
        PROGRAM_BACK_MS / 1_000,
        's',
      ),
    )
}

type Taken = { progress: number | null; all: number }

/** Progress counts from when an engine was there again: what was on its way at the kill is no sign of life. */
function timesOf(report: VictimReport, struck: number): Taken {
  const engine = report.engines.find(({ at }) => at > struck)
  const first = engine === undefined ? undefined : report.appended.find((at) => at >= engine.at)
  return { progress: first === undefined ? null : first - struck, all: report.completed - struck }
}

const engineTimes = (taken: readonly Taken[]): Figure[] => [
  atMost(
    'engine killed: first progress (largest)',
    seconds(
      percentile(
        taken.flatMap(({ progress: first }) => (first === null ? [] : [first])),
        1,
      ),
    ),
    ENGINE_PROGRESS_MS / 1_000,
    's',
  ),
  atMost(
    'engine killed: all complete (largest)',
    seconds(
      percentile(
        taken.map(({ all }) => all),
        1,
      ),
    ),
    ENGINE_BACK_MS / 1_000,
    's',
  ),
  {
    what: 'engine killed: all complete (median)',
    value: seconds(
      percentile(
        taken.map(({ all }) => all),
        0.5,
      ),
    ),
    unit: 's',
  },
]

async function engineAtOwnCommits(baseline: VictimReport, outside: OutsideWork): Promise<void> {
  const points = chosen(Array.from({ length: baseline.commits }, (_, i) => i + 1))
  const taken: Taken[] = []
  let again = 0
  for (const at of points) {
    const data = dataFolder()
    outside.forget()
    const ended = await runVictim(data, [outside.url, String(at), 'after', 'engine'])
    again += judge(`engine killed after commit ${at}`, ended.report, ended.errors, baseline, outside.calls(), null)
    if (ended.report !== null && ended.report.struck !== null) taken.push(timesOf(ended.report, ended.report.struck))
    tidy(data)
  }
  figures.push({ what: 'engine killed: calls again, over all points', value: again }, ...engineTimes(taken))
}

/** The run of `test/crash` with one agent on the real local model, whose process is killed. */
async function modelFamily(): Promise<void> {
  const count = numberOption('model', Number.isFinite(sample) ? 1 : 4)
  if (count === 0) {
    not_run.push('the model process was not killed: no points were asked for')
    return
  }
  const crashRun = async (strike: string[]): Promise<{ status: string; output: unknown; commits: number } | string> => {
    const data = dataFolder()
    const child = spawn(
      process.execPath,
      [join(import.meta.dirname, '../crash/program.ts'), data, `${data}.ledger`, 'model', ...strike],
      { stdio: ['ignore', 'pipe', 'pipe'] },
    )
    let out = ''
    let err = ''
    child.stdout.on('data', (text) => (out += text))
    child.stderr.on('data', (text) => (err += text))
    const code = await new Promise((resolve) => child.once('close', resolve))
    tidy(data)
    return code === 0 ? JSON.parse(out) : err.slice(-500)
  }
  const baseline = await crashRun([])
  if (typeof baseline === 'string') {
    not_run.push(`the model process was not killed: no local model could be run (${baseline.replace(/\s+/g, ' ')})`)
    return
  }
  let struck = 0
  for (let i = 0; i < count; i++) {
    const at = 1 + Math.round(((i + 0.5) * (baseline.commits - 1)) / count)
    const outcome = await crashRun([String(at), 'model'])
    const same = typeof outcome !== 'string' && JSON.stringify(outcome.output) === JSON.stringify(baseline.output)
    if (!same)
      problems.push(
        `model process killed after commit ${at}: ${typeof outcome === 'string' ? outcome : 'another output'}`,
      )
    struck++
    progress(`model process killed after commit ${at}: ${same ? 'the same output' : 'BROKEN'}`)
  }
  figures.push({ what: 'model process killed: points struck, each with the same output', value: struck })
}

await kills()
