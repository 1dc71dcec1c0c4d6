/**
 * Part `soak` of the proof: long runs over hours of a virtual clock, with faults at random; then the whole program for real
 * minutes at its limits, with faults at random. Every run ends in a defined state, nothing grows, nothing is starved.
 *
 * Usage: soak.ts --root=DIR [--seed=1] [--hours=24] [--runs=20] [--minutes=30] (0 leaves a half out)
 */
import { numberOption, workFolder } from '../proof/part-options.ts'
import { atLeast, atMost, exactly, type Figure, percentile, printReport, progress } from '../proof/report.ts'
import { diceOf } from '../simulation/dice.ts'
import { flatness } from './flatness.ts'
import { CALLS_AT_ONCE, RUNS_AT_ONCE } from './real-load.ts'
import { realSoak, type Series, type SoakFindings } from './real-soak.ts'
import { virtualRuns } from './virtual-runs.ts'

/** The last third may be this many times the first. */
const STATE_GROWTH = 1.1
const GROWTH = 1.15
/** In a shorter time memory finds no level that could be judged. */
const JUDGED_FROM_MINUTES = 10
/** So long it takes at most until there is as much to do as may be done at once. */
const FULL_FROM_MINUTES = 3
/** The longest wait, against the median; and what is no starving whatever the median is: the time-outs of two calls, and some. */
const STARVED_TIMES = 10
const NOT_STARVED_MS = 60_000

const counted = (counts: { [name: string]: number }): string =>
  Object.entries(counts)
    .sort(([, a], [, b]) => b - a)
    .map(([name, n]) => `${n} ${name}`)
    .join(', ')
const rounded = (value: number | null, digits = 1): number | null =>
  value === null ? null : Math.round(value * 10 ** digits) / 10 ** digits

function virtualHalf(seed: number, hours: number, runs: number): Figure[] {
  const { counts, sizes } = virtualRuns(hours, runs, diceOf(seed))
  for (const each of counts.undefined_ends) progress(`BROKEN ${each}`)
  // The first and the last hour are not whole for most runs.
  const samples = sizes
    .filter(({ hour }) => hour >= 1 && hour < hours)
    .sort((a, b) => a.hour - b.hour)
    .map(({ hour, bytes }) => ({ at: hour * 3_600_000, value: bytes }))
  const state = flatness(samples)
  return [
    { what: `virtual clock, ${hours} h: runs, and inputs fed`, value: `${counts.runs} and ${counts.inputs}` },
    { what: 'virtual clock: faults', value: `${counted(counts.faults)}; ${counts.restarts} ends of the program` },
    { what: 'virtual clock: runs ended as', value: counted(counts.statuses) },
    exactly('virtual clock: runs that ended in no defined state', counts.undefined_ends.length, 0),
    {
      what: `virtual clock: state of ${runs} runs that go on all the time, first and last third (median of hourly largest)`,
      value: `${state?.first ?? 'none'} and ${state?.last ?? 'none'}`,
      unit: 'bytes',
    },
    { what: 'virtual clock: state, slope', value: rounded(state?.slope_per_hour ?? null), unit: 'bytes/h' },
    atMost(
      'virtual clock: state, last third against first',
      state === null ? null : rounded(state.last / state.first, 3),
      STATE_GROWTH,
      'times',
    ),
  ]
}

const unitOf: { [name in Exclude<Series, 'lag_ms'>]: [what: string, unit: string] } = {
  program_mb: ['memory of the program', 'MB'],
  heap_mb: ['JavaScript heap of the program', 'MB'],
  program_handles: ['open handles of the program', ''],
  engine_mb: ['memory of the engine', 'MB'],
  engine_handles: ['open handles of the engine', ''],
}

function flat({ samples }: SoakFindings, minutes: number): Figure[] {
  return Object.entries(unitOf).flatMap(([name, [what, unit]]) => {
    const seen = flatness(samples[name as Series])
    const ratio = seen === null ? null : rounded(seen.last / seen.first, 3)
    const text =
      seen === null
        ? 'none'
        : `${rounded(seen.first)} and ${rounded(seen.last)}, slope ${rounded(seen.slope_per_hour)}/h`
    const shown: Figure = {
      what: `${what}: first and last third, slope over the last two thirds`,
      value: text,
      ...(unit && { unit }),
    }
    const against = `${what}, last third against first`
    return [
      shown,
      minutes >= JUDGED_FROM_MINUTES
        ? atMost(against, ratio, GROWTH, 'times')
        : { what: `${against} (${minutes} min are too few to judge)`, value: ratio, unit: 'times' },
    ]
  })
}

/** The limit was reached. Of a short time, which may be too short for that, it is only shown. */
function loaded(what: string, values: readonly number[], limit: number, minutes: number): Figure[] {
  const largest = percentile(values, 1) ?? 0
  const short = minutes < FULL_FROM_MINUTES
  return [
    { what: `${what} (median)`, value: percentile(values, 0.5) },
    short
      ? { what: `${what} (largest)`, value: largest }
      : atLeast(`${what} (largest): the limit is reached`, largest, limit),
  ]
}

function waits(what: string, values: readonly number[]): Figure[] {
  const median = percentile(values, 0.5)
  const most = Math.max(NOT_STARVED_MS, STARVED_TIMES * (median ?? 0))
  return [
    { what: `${what}: median`, value: rounded((median ?? 0) / 1_000, 2), unit: 's' },
    atMost(
      `${what}: largest`,
      rounded((percentile(values, 1) ?? 0) / 1_000, 1),
      rounded(most / 1_000, 0) as number,
      's',
    ),
  ]
}

async function realHalf(root: string, seed: number, minutes: number): Promise<Figure[]> {
  const found = await realSoak(root, seed, minutes)
  for (const each of found.undefined_ends.slice(0, 20)) progress(`BROKEN ${each}`)
  const lags = found.samples.lag_ms.map(({ value }) => value)
  return [
    {
      what: `${minutes} real minutes: calls of agents, and those of them that failed`,
      value: `${found.calls} and ${found.failed_calls}`,
    },
    { what: 'faults', value: counted(found.faults) },
    { what: 'runs ended as', value: counted(found.runs) },
    exactly('runs that ended in no defined state, or are gone', found.undefined_ends.length, 0),
    // A run that waited and is woken goes on at once, whatever the limit: the largest number may be above it.
    ...loaded('runs executing at once', found.executing, RUNS_AT_ONCE, minutes),
    ...loaded('calls in flight at once', found.in_flight, CALLS_AT_ONCE, minutes),
    atMost('calls in flight at once, never above the limit', percentile(found.in_flight, 1), CALLS_AT_ONCE),
    {
      what: 'program killed: until it is ready again (largest)',
      value: rounded(percentile(found.back_s, 1)),
      unit: 's',
    },
    ...flat(found, minutes),
    {
      what: 'GET /orchestration_status (median, p99, largest)',
      value: [0.5, 0.99, 1].map((p) => rounded(percentile(lags, p), 0)).join(', '),
      unit: 'ms',
    },
    ...waits('wait of a run for its first task', found.run_waits),
    ...waits('wait of a task for a place at an agent', found.task_waits),
  ]
}

const { root, tidy } = workFolder('soak')
const seed = numberOption('seed', 1)
const hours = numberOption('hours', 24)
const minutes = numberOption('minutes', 30)
const figures: Figure[] = []
const not_run: string[] = []
if (hours > 0) figures.push(...virtualHalf(seed, hours, numberOption('runs', 20)))
else not_run.push('hours of a virtual clock: not asked for')
if (process.platform !== 'linux')
  not_run.push('real minutes: memory, handles and processes are read from /proc, which this system has not')
else if (minutes > 0) figures.push(...(await realHalf(root, seed, minutes)))
else not_run.push('real minutes: not asked for')
tidy()
printReport({ part: 'soak', figures, not_run, seed })
