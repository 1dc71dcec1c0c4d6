/**
 * Part `faults` of the proof (N8): twelve faults are planted, one after the other, each in a run with a success criterion,
 * beside healthy runs of the same program; then healthy long runs alone, for the rate of false alarms. Everything is read
 * from the event log: when it first says that something is wrong, what was used in vain, what was done about it, and
 * whether the criterion was met without a person. Agents, models and definitions have names that say nothing.
 *
 * Usage: faults.ts --root=DIR [--seed=1] [--faults=12] [--healthy=200] [--beside=3] [--only=NAME,…]
 */
import { milliseconds } from '../../src/workflow/duration.ts'
import { numberOption, option, workFolder } from '../proof/part-options.ts'
import { atLeast, atMost, exactly, type Figure, percentile, printReport, progress } from '../proof/report.ts'
import { diceOf } from '../simulation/dice.ts'
import { DETECT_WITHIN_MS, disturbance, type Finding, findingOf } from './findings.ts'
import { type Prepared, prepare, TASK_TIMEOUT } from './ground.ts'
import { definitionFor, type HealthyRun, healthyRuns, keyFrom } from './healthy.ts'
import { secretOf } from './minds.ts'
import { type Fault, faults } from './planted.ts'
import { logWhenEnded, startRun } from './product-runs.ts'

/** Healthy runs at once: each has to get on within its time limit on a machine with two cores. */
const AT_ONCE = 8
/** A run may use up all attempts, each to its time limit, and some waiting. */
const RUN_MS = 4 * milliseconds(TASK_TIMEOUT)

const { root, tidy } = workFolder('faults')
const seed = numberOption('seed', 1)
const dice = diceOf(seed)
const only = option('only', '')
const wanted = chosen(
  faults.filter(({ name }) => only === '' || only.split(',').includes(name)),
  numberOption('faults', faults.length),
)

/** As many as asked for, by seeded dice, in their order. */
function chosen(all: readonly Fault[], count: number): Fault[] {
  const left = [...all]
  while (left.length > count) left.splice(dice.between(0, left.length - 1), 1)
  return left
}

async function judged(ground: Prepared, { way, definition, inputs, expected, own_failures }: HealthyRun) {
  const run = await startRun(ground.product, definition, inputs, 'Find the value.')
  const log = await logWhenEnded(ground.product, run, RUN_MS)
  return { way, run, ...disturbance(log, expected, own_failures) }
}

async function plant(ground: Prepared, fault: Fault, beside: readonly HealthyRun[]) {
  const { agent, other } = ground.names.get(fault.name) as { agent: string; other: string }
  const begin = async (to: string, fallback: string[]): Promise<{ run: string; expected: number }> => {
    const key = keyFrom(dice)
    const definition = definitionFor(`find_${agent}`, key, { agent: to, fallback, timeout: TASK_TIMEOUT })
    return { run: await startRun(ground.product, definition, { key }, 'Find the value.'), expected: secretOf(key) }
  }
  for (let n = 0; n < (fault.before ?? 0); n++) {
    const { run, expected } = await begin(agent, [])
    const { harm } = disturbance(await logWhenEnded(ground.product, run, RUN_MS), expected)
    if (harm !== null) throw new Error(`${fault.name}: a run before the fault failed: ${harm}`)
  }
  const well = fault.mind && ground.host.minds.get(fault.mind.model)
  if (fault.mind) ground.host.minds.set(fault.mind.model, fault.mind.mind)
  const others = beside.map((each) => judged(ground, each))
  const struck = fault.strike?.(ground)
  const { run, expected } = await begin(agent, [other])
  const log = await logWhenEnded(ground.product, run, RUN_MS)
  const finding = findingOf(log, expected, await struck)
  if (fault.mind && well) ground.host.minds.set(fault.mind.model, well)
  const harmed = (await Promise.all(others)).filter(({ harm }) => harm !== null)
  for (const { way, harm } of harmed) progress(`harmed beside ${fault.name}: ${way}: ${harm}`)
  return { finding, harmed: harmed.length }
}

const seconds = (ms: number): string => `${(ms / 1_000).toFixed(1)} s`

function shownFinding({ detected_ms, detected_by, tokens_wasted, remedies, healed, why_not }: Finding): string {
  const detected = detected_ms === null ? 'not detected' : `detected after ${seconds(detected_ms)} (${detected_by})`
  const wasted = tokens_wasted === null ? 'tokens wasted unknown' : `${tokens_wasted} tokens wasted`
  return `${detected}; ${wasted}; ${remedies.join(', then ') || 'no remedy'}; ${healed ? 'healed' : `not healed: ${why_not}`}`
}

const inTime = ({ detected_ms }: Finding): boolean => detected_ms !== null && detected_ms <= DETECT_WITHIN_MS

async function plantAll(ground: Prepared): Promise<Figure[]> {
  const figures: Figure[] = []
  const findings: Finding[] = []
  const beside = numberOption('beside', 3)
  const companions = healthyRuns(seed + 1, wanted.length * beside, TASK_TIMEOUT)
  let harmed = 0
  for (const [i, fault] of wanted.entries()) {
    const planted = await plant(ground, fault, companions.slice(i * beside, (i + 1) * beside))
    findings.push(planted.finding)
    harmed += planted.harmed
    const value = shownFinding(planted.finding)
    progress(`${fault.name}: ${value}`)
    figures.push({ what: `${fault.name} (${fault.how(ground)})`, value })
  }
  const times = findings.flatMap(({ detected_ms }) => (detected_ms === null ? [] : [detected_ms / 1_000]))
  return [
    ...figures,
    { what: 'time to detect (median)', value: percentile(times, 0.5), unit: 's' },
    { what: 'time to detect (largest)', value: percentile(times, 1), unit: 's' },
    exactly(
      `faults detected within ${seconds(DETECT_WITHIN_MS)}, where a task may take ${TASK_TIMEOUT}`,
      findings.filter(inTime).length,
      wanted.length,
    ),
    atLeast(
      'faults healed: the criterion is met, no person was asked',
      findings.filter(({ healed }) => healed).length,
      Math.floor((wanted.length * 10) / 12),
    ),
    exactly(`runs beside that were harmed, of ${companions.length}`, harmed, 0),
  ]
}

async function runHealthy(ground: Prepared, count: number): Promise<Figure[]> {
  const left = healthyRuns(seed + 2, count, TASK_TIMEOUT)
  const judgements: Awaited<ReturnType<typeof judged>>[] = []
  const one = async (): Promise<void> => {
    for (let next = left.shift(); next !== undefined; next = left.shift()) judgements.push(await judged(ground, next))
  }
  await Promise.all(Array.from({ length: AT_ONCE }, one))
  for (const { way, run, alarm, harm } of judgements)
    if (alarm !== null || harm !== null) progress(`healthy run ${run} (${way}): ${alarm ?? ''}; ${harm ?? ''}`)
  const alarms = judgements.filter(({ alarm }) => alarm !== null).length
  return [
    atMost(`false alarms in ${count} healthy long runs`, Math.round((1_000 * alarms) / count) / 10, 1, '%'),
    exactly(
      `healthy long runs that did not succeed, of ${count}`,
      judgements.filter(({ harm }) => harm !== null).length,
      0,
    ),
  ]
}

const ground = await prepare(root, wanted)
const figures: Figure[] = []
try {
  figures.push(...(await plantAll(ground)))
  const count = numberOption('healthy', 200)
  if (count > 0) figures.push(...(await runHealthy(ground, count)))
} catch (error) {
  progress(ground.product.output().slice(-3_000))
  throw error
} finally {
  await ground.close()
  tidy()
}
printReport({ part: 'faults', figures, not_run: [], seed })
