/** The measures: what one round of each is, for one system. */
import { mkdirSync, readFileSync, rmSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import { percentile } from '../../test/proof/report.ts'
import { type Running, type SystemName, start } from './processes.ts'
import { LEDGER_LINE } from './system.ts'

export type Sizes = {
  rounds: number
  row: number
  runs: number
  tasks: number
  fan: number
  long: number
  /** Only Quorate. */
  longest: number
  carried: number
  parked: number
}

/** Steps at each end of a long run that are compared. */
const endsOf = (n: number): number => Math.min(200, Math.floor(n / 5))

const p50 = (values: number[]): number => percentile(values, 0.5) ?? Number.NaN
const gaps = (at: number[]): number[] => at.slice(1).map((value, i) => value - (at[i] ?? value))
const gapsOf = async (system: Running, n: number, carried: number): Promise<number[]> =>
  gaps((await system.ask('sequence', n, carried)) as number[])

export const perStep = async (system: Running, n: number): Promise<number> => p50(await gapsOf(system, n, 0))

export async function growth(system: Running, n: number): Promise<number> {
  const each = await gapsOf(system, n, 0)
  return p50(each.slice(-endsOf(n))) / p50(each.slice(0, endsOf(n)))
}

export const carriedFactor = async (system: Running, n: number, bytes: number): Promise<number> => {
  const without = await perStep(system, n)
  return p50(await gapsOf(system, n, bytes)) / without
}

export const throughput = async (system: Running, runs: number, tasks: number): Promise<number> =>
  (runs * tasks) / ((await system.ask('many', runs, tasks)) as number)

export const fanOut = async (system: Running, n: number): Promise<number> => (await system.ask('fan', n)) as number

export type Killed = {
  /** From the start of the new process until every run is complete. */
  seconds: number
  /** Calls of steps after which the next step of the run had already begun. */
  completed_again: number
  /** Calls of steps again, those in flight among them. */
  again: number
}

/** `kill -9` of the process when half of all steps have begun; its engine, where it has one, dies with it. */
export async function killed(name: SystemName, folder: string, runs: number, tasks: number): Promise<Killed> {
  rmSync(folder, { recursive: true, force: true })
  mkdirSync(folder, { recursive: true })
  const [before, after] = [join(folder, 'before'), join(folder, 'after')]
  const first = await start(name, folder, before)
  try {
    await first.ask('begin', runs, tasks)
    await first.ask('release')
    const half = (runs * tasks * LEDGER_LINE) / 2
    for (let size = 0, since = performance.now(); statSync(before).size < half; await wait(1)) {
      if (statSync(before).size !== size) [size, since] = [statSync(before).size, performance.now()]
      if (performance.now() - since > 30_000) throw new Error('no step for 30 s before the kill')
    }
  } finally {
    await first.kill()
  }
  const began = performance.now()
  const second = await start(name, folder, after)
  try {
    await second.ask('finish', runs, tasks)
    const seconds = (performance.now() - began) / 1_000
    if (name === 'quorate') await second.ask('check', runs, tasks)
    const steps = (file: string): string[] => readFileSync(file, 'utf8').split('\n').filter(Boolean)
    const done = new Set(steps(before).map((line) => line.trim()))
    const again = steps(after).map((line) => line.trim().split(' ').map(Number) as [number, number])
    return {
      seconds,
      again: again.filter(([run, i]) => done.has(`${run} ${i}`)).length,
      completed_again: again.filter(([run, i]) => done.has(`${run} ${i + 1}`)).length,
    }
  } finally {
    await second.close()
    rmSync(folder, { recursive: true, force: true, maxRetries: 5 })
  }
}

export async function park(name: SystemName, folder: string, n: number): Promise<void> {
  mkdirSync(folder, { recursive: true })
  const system = await start(name, folder)
  try {
    await system.ask('park', n)
  } finally {
    await system.close()
  }
}

const SETTLED_MS = 3_000

/** A start over parked runs: megabytes of all its processes three seconds later. */
export async function residentOverParked(name: SystemName, folder: string): Promise<number> {
  const system = await start(name, folder)
  try {
    await wait(SETTLED_MS)
    const bytes = system.resident()
    if (bytes === null) throw new Error('needs /proc')
    return bytes / 1_048_576
  } finally {
    await system.close()
  }
}
