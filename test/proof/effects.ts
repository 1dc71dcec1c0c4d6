/**
 * Part `effects` of the proof (N2): replies are lost and processes die while effects are caused; an outside ledger counts.
 * Usage: effects.ts --root=DIR [--faults=1000] [--losses=150] [--kills=30] [--seed=1]
 */
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { type EffectTally, effectRestarts } from './effect-restarts.ts'
import { effectRuns } from './effect-runs.ts'
import { classOf, effectKinds } from './outside-ledger.ts'
import { numberOption, workFolder } from './part-options.ts'
import { exactly, type Figure, printReport, progress } from './report.ts'

const { root } = workFolder('effects')
const seed = numberOption('seed', 1)
const wanted = numberOption('faults', 1_000)
const losses = numberOption('losses', Math.ceil(wanted * 0.15))
const kills = numberOption('kills', 30)

const folder = (name: string): string => {
  const path = join(root, name)
  mkdirSync(path, { recursive: true })
  return path
}
const runs = await effectRuns(folder('effects-runs'), seed, losses, kills, progress)
const { payment, thread, build } = runs.faults
const restarts = await effectRestarts(
  folder('effects-restarts'),
  seed + 1,
  Math.max(0, wanted - payment - thread - build),
  progress,
)
// A measure that cannot fail shows nothing: the same faults on an outside that is said to keep a promise it does not keep.
const control = await effectRestarts(folder('effects-control'), seed + 2, Math.min(60, wanted), progress, (agents) =>
  agents.map((agent) => (agent.name.startsWith('thread') ? { ...agent, effect: 'idempotent' as const } : agent)),
)

const all = [runs, restarts]
const sum = (of: (tally: EffectTally) => number): number => all.reduce((total, tally) => total + of(tally), 0)
const figures: Figure[] = [
  ...effectKinds.map(
    (kind): Figure => ({
      what: `faults struck, ${classOf[kind]} (${kind})`,
      value: sum((tally) => tally.faults[kind]),
    }),
  ),
  exactly(
    'effects that took place twice',
    sum((tally) => tally.duplicates.length),
    0,
  ),
  exactly(
    'tasks that count as done without their effect',
    sum((tally) => tally.missing.length),
    0,
  ),
  exactly(
    'tasks and runs that did not come to their end',
    sum((tally) => tally.failed.length),
    0,
  ),
  { what: 'unsafe effects: questions asked', value: sum((tally) => tally.questions) },
  exactly(
    'unsafe effects: questions that did not say what to look for',
    sum((tally) => tally.inexact.length),
    0,
  ),
  { what: 'unsafe effects: went on after yes', value: sum((tally) => tally.answered.yes) },
  { what: 'unsafe effects: went on after no', value: sum((tally) => tally.answered.no) },
  {
    what: 'control: the same faults on a service that is declared idempotent and is not: effects that took place twice',
    value: control.duplicates.length,
    promise: '> 0',
    kept: control.duplicates.length > 0,
  },
]
for (const tally of all)
  for (const problem of [...tally.duplicates, ...tally.missing, ...tally.failed, ...tally.inexact].slice(0, 20))
    progress(`BROKEN ${problem}`)
printReport({ part: 'effects', figures, not_run: [], seed })
