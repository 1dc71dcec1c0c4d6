/**
 * What a durable step costs in Quorate, beside a bare `ctx.run` of Restate, LangGraph JS on SQLite and Mastra on LibSQL.
 *
 * What is measured: no-op steps of 200 bytes, each begun when the last is stored; the seven measures of bench/peers/measures.ts, round by round,
 * one system after the other, each in a process of its own, Quorate with nothing switched off. The output of every run is checked. What is not: models, HTTP, planning.
 * How each system was set up, what it leaves on the disk, and what is not alike: bench/peers/README.md.
 *
 * Usage: npm run bench -- peers [--sample] [--rounds=5] [--systems=quorate,mastra] [--root=DIR]
 */
import { closeSync, fsyncSync, mkdirSync, mkdtempSync, openSync, rmSync, writeSync } from 'node:fs'
import { cpus, loadavg, tmpdir } from 'node:os'
import { join } from 'node:path'
import { numberOption, option } from '../test/proof/part-options.ts'
import { percentile, printReport, progress } from '../test/proof/report.ts'
import { installPeers, versionsOf } from './peers/installation.ts'
import * as measure from './peers/measures.ts'
import { type Running, type SystemName, start, systems } from './peers/processes.ts'
import { type Cell, figuresOf, lossesOf, type Row, tableOf, titles } from './peers/table.ts'

const sample = process.argv.includes('--sample')
const sizes: measure.Sizes = sample
  ? { rounds: 1, row: 50, runs: 20, tasks: 10, fan: 50, long: 200, longest: 400, carried: 30, parked: 100 }
  : { rounds: 5, row: 200, runs: 200, tasks: 20, fan: 500, long: 2_000, longest: 10_000, carried: 200, parked: 5_000 }
sizes.rounds = numberOption('rounds', sizes.rounds)
const CARRIED_BYTES = 200_000
const MB_OVER_BARE = 150
/** A cell that has taken so long gets no further round; its `n` says so. */
const CELL_BUDGET_MS = 60_000

const asked = option('systems', systems.join(',')).split(',')
const wrong = asked.find((name) => !(systems as readonly string[]).includes(name))
if (wrong !== undefined) {
  console.error(`there is no system ${wrong}; there are ${systems.join(', ')}`)
  process.exit(64)
}
const compared = systems.filter((name) => asked.includes(name))

const given = option('root', '')
const root = given === '' ? mkdtempSync(join(tmpdir(), 'quorate-peers-')) : join(given, 'peers')
const folder = (name: string): string => {
  mkdirSync(join(root, name), { recursive: true })
  return join(root, name)
}

const load = (loadavg()[0] ?? 0).toFixed(1)
const absent = new Map<SystemName, string>()
const refused = compared.some((name) => name === 'langgraph' || name === 'mastra') ? installPeers() : null
if (refused !== null) for (const name of ['langgraph', 'mastra'] as const) absent.set(name, refused)

const running = new Map<SystemName, Running>()
const stored: string[] = []
const reason = (error: unknown): string => (error instanceof Error ? error.message : String(error)).slice(0, 200)

/** A system that has ended is started again, over a new folder: one failure costs one cell. */
let serial = 0
async function systemOf(name: SystemName): Promise<Running> {
  const there = running.get(name)
  if (there !== undefined) return there
  const why = absent.get(name)
  if (why !== undefined) throw new Error(why)
  const started = await start(name, folder(`${name}-${++serial}`))
  running.set(name, started)
  return started
}

/** Round after round, one system after the other, another one first in each round. */
async function rounds(
  n: number,
  what: string,
  names: readonly SystemName[],
  one: (name: SystemName) => Promise<number>,
) {
  const cells: Partial<Record<SystemName, Cell>> = {}
  const spent = new Map<SystemName, number>()
  for (let round = 0; round < n; round++)
    for (const name of [...names.slice(round % names.length), ...names.slice(0, round % names.length)]) {
      const cell = cells[name] ?? { values: [] }
      cells[name] = cell
      if ('absent' in cell || (spent.get(name) ?? 0) > CELL_BUDGET_MS) continue
      const began = performance.now()
      try {
        cell.values.push(await one(name))
        progress(`${what}, ${titles[name]}, ${round + 1} of ${n}: ${cell.values.at(-1)?.toFixed(2)}`)
      } catch (error) {
        cells[name] = { absent: reason(error) }
        progress(`${what}, ${titles[name]}: ${reason(error)}`)
        await running.get(name)?.kill()
        running.delete(name)
      }
      spent.set(name, (spent.get(name) ?? 0) + performance.now() - began)
    }
  return cells
}

const inProcess = (what: string, one: (system: Running) => Promise<number>, names = compared) =>
  rounds(sizes.rounds, what, names, async (name) => one(await systemOf(name)))

const grown = (value: number | null): boolean => value !== null && value <= 1.2

async function warmUp(): Promise<void> {
  for (const name of compared)
    try {
      const system = await systemOf(name)
      stored.push(`${titles[name]}: ${await system.ask('stored')}`)
      for (let i = 0; i < (sample ? 1 : 3); i++) {
        await measure.perStep(system, sizes.row)
        await measure.throughput(system, sizes.runs / 4, sizes.tasks)
        await measure.fanOut(system, sizes.fan / 5)
      }
    } catch (error) {
      absent.set(name, absent.get(name) ?? reason(error))
      progress(`${titles[name]}: ${absent.get(name)}`)
      await running.get(name)?.kill()
      running.delete(name)
    }
}

async function kills(): Promise<Row['cells']> {
  const seen = new Map<SystemName, measure.Killed[]>()
  const cells = await rounds(sizes.rounds, `kill -9, ${sizes.runs} runs`, compared, async (name) => {
    const why = absent.get(name)
    if (why !== undefined) throw new Error(why)
    const one = await measure.killed(name, join(root, `${name}-killed`), sizes.runs, sizes.tasks)
    seen.set(name, [...(seen.get(name) ?? []), one])
    return one.seconds
  })
  for (const [name, all] of seen) {
    const cell = cells[name]
    const most = (key: 'completed_again' | 'again'): number => Math.max(...all.map((one) => one[key]))
    if (cell !== undefined && 'values' in cell)
      cell.note = `${most('completed_again')} completed steps again, ${most('again') - most('completed_again')} in flight again`
  }
  return cells
}

async function parked(): Promise<Row['cells']> {
  const names = compared.filter((name) => name === 'quorate' || name === 'bare-restate')
  const failed = new Map<SystemName, string>()
  for (const name of names) {
    progress(`${sizes.parked} runs to be parked, ${titles[name]}`)
    await measure.park(name, folder(`${name}-parked`), sizes.parked).catch((error) => failed.set(name, reason(error)))
  }
  return rounds(sizes.rounds, `${sizes.parked} runs parked, MB`, names, async (name) => {
    const why = failed.get(name)
    if (why !== undefined) throw new Error(why)
    return measure.residentOverParked(name, folder(`${name}-parked`))
  })
}

async function allRows(): Promise<Row[]> {
  const { row, runs, tasks, fan, long, longest, carried, parked: waiting } = sizes
  const rows: Row[] = []
  const add = (next: Row): void => void rows.push(next)
  add({
    what: `${row} tasks in a row, each (p50)`,
    unit: 'ms',
    digits: 2,
    says: 'less is better',
    promise: '≤ 2 × bare Restate',
    kept: (of) => of.quorate !== null && of['bare-restate'] !== null && of.quorate <= 2 * of['bare-restate'],
    cells: await inProcess(`${row} in a row, ms`, (system) => measure.perStep(system, row)),
  })
  add({
    what: `${runs} runs × ${tasks} tasks at once`,
    unit: 'tasks/s',
    digits: 0,
    says: 'more is better',
    promise: 'ahead of both peers, ≥ half of bare Restate',
    kept: (of) =>
      of.quorate !== null &&
      of.quorate > (of.langgraph ?? Number.POSITIVE_INFINITY) &&
      of.quorate > (of.mastra ?? Number.POSITIVE_INFINITY) &&
      of.quorate >= (of['bare-restate'] ?? Number.POSITIVE_INFINITY) / 2,
    cells: await inProcess(`${runs} × ${tasks}, tasks/s`, (system) => measure.throughput(system, runs, tasks)),
  })
  add({
    what: `${fan} parallel tasks and a join`,
    unit: 'ms',
    digits: 0,
    says: 'less is better',
    promise: '≤ 300 ms',
    kept: (of) => of.quorate !== null && of.quorate <= 300,
    cells: await inProcess(`${fan} parallel, ms`, (system) => measure.fanOut(system, fan)),
  })
  add({
    what: `${long} tasks: last ${Math.min(200, long / 5)} over first (p50)`,
    unit: '',
    digits: 2,
    says: 'growth',
    promise: '≤ 1.2',
    kept: (of) => grown(of.quorate),
    cells: await inProcess(`${long} in a row, last over first`, (system) => measure.growth(system, long)),
  })
  add({
    what: `${longest} tasks: last ${Math.min(200, longest / 5)} over first (p50)`,
    unit: '',
    digits: 2,
    says: 'growth',
    promise: '≤ 1.2',
    kept: (of) => grown(of.quorate),
    cells: await inProcess(
      `${longest} in a row, last over first`,
      (system) => measure.growth(system, longest),
      compared.filter((name) => name === 'quorate'),
    ),
  })
  add({
    what: `${CARRIED_BYTES / 1_000} KB carried along, factor of p50`,
    unit: '',
    digits: 2,
    says: 'growth',
    promise: '≤ 1.2',
    kept: (of) => grown(of.quorate),
    cells: await inProcess('200 KB carried, factor', (system) => measure.carriedFactor(system, carried, CARRIED_BYTES)),
  })
  // The memory and the kills are of processes of their own.
  await closeAll()
  const cells = await kills()
  const again = cells.quorate !== undefined && 'note' in cells.quorate ? cells.quorate.note : undefined
  add({
    what: `kill -9 of the worker, ${runs} runs × ${tasks} half done: until all are complete`,
    unit: 's',
    digits: 1,
    says: 'less is better',
    promise: '≤ 2 s, no completed step again',
    kept: (of) => of.quorate !== null && of.quorate <= 2 && again?.startsWith('0 ') === true,
    cells,
  })
  add({
    what: `${waiting} runs parked, memory after a restart`,
    unit: 'MB',
    digits: 0,
    says: 'less is better',
    promise: `≤ bare Restate + ${MB_OVER_BARE} MB`,
    kept: (of) => of.quorate !== null && of['bare-restate'] !== null && of.quorate <= of['bare-restate'] + MB_OVER_BARE,
    cells: await parked(),
  })
  return rows
}

async function closeAll(): Promise<void> {
  for (const system of running.values()) await system.close()
  running.clear()
}

/** What a durable write costs on this disk: on a file system in memory, fsync costs nothing and the figures say nothing. */
function fsyncMs(): number {
  const file = openSync(join(root, 'fsync'), 'w')
  const times = Array.from({ length: 50 }, () => {
    writeSync(file, 'x'.repeat(4_096))
    const began = performance.now()
    fsyncSync(file)
    return performance.now() - began
  })
  closeSync(file)
  return percentile(times, 0.5) ?? Number.NaN
}

mkdirSync(root, { recursive: true })
try {
  const fsync = fsyncMs().toFixed(2)
  await warmUp()
  const rows = await allRows()
  const losses = lossesOf(rows)
  const packages = ['@langchain/langgraph', '@langchain/langgraph-checkpoint-sqlite', '@mastra/core', '@mastra/libsql']
  const header = [
    `Median (least–most) of ${sizes.rounds} interleaved rounds after a warm-up, ${new Date().toISOString().slice(0, 10)}; Node ${process.version}, ${cpus().length} cores, load average ${load} at the start and ${(loadavg()[0] ?? 0).toFixed(1)} at the end, fsync ${fsync} ms (p50).`,
    `Limits: 200 runs and 1,000 tasks at once in Quorate, none in the others. ${versionsOf(packages).join(', ')}.`,
    `What is on the disk when a step counts as stored: ${stored.join('. ')}.`,
    ...losses.map((loss) => `A STEP WAS LOST: ${loss}.`),
  ]
  process.stderr.write(`\n${header.join('\n')}\n\n${tableOf(rows)}\n`)
  const left = systems.filter((name) => !compared.includes(name)).map((name) => `peers: ${titles[name]}`)
  printReport({
    part: 'peers',
    figures: [
      { what: 'how it was measured', value: header.join(' ') },
      ...figuresOf(rows, !sample),
      {
        what: 'runs that lost a step in Quorate',
        value: losses.filter((loss) => loss.startsWith('Quorate')).length,
        promise: '= 0',
        kept: !losses.some((loss) => loss.startsWith('Quorate')),
      },
    ],
    not_run: [...left, ...[...absent].map(([name, why]) => `peers: ${titles[name]} (${why})`)],
    seed: null,
  })
} finally {
  await closeAll()
  rmSync(root, { recursive: true, force: true, maxRetries: 5 })
}
