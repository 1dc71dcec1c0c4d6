/** Random runs whose definition is changed by chance, at a moment by chance. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { canonicalJson } from '../../src/workflow/content-hash.ts'
import type { Definition, Stage } from '../../src/workflow/definition.ts'
import type { RunEvent, RunInput } from '../../src/workflow/event.ts'
import { feedCourse, newCourse } from '../../src/workflow/fold.ts'
import { openMigration } from '../../src/workflow/migration.ts'
import { replay } from '../../src/workflow/replay.ts'
import { type Dice, diceOf } from './dice.ts'
import { randomDefinition } from './random-definition.ts'
import { simulate } from './simulate.ts'

const RUN = 'run_simulated'

function fold(inputs: readonly RunInput[], of: (hash: string) => Definition) {
  const course = newCourse(RUN)
  const events: RunEvent[] = []
  for (const input of inputs) events.push(...feedCourse(of, course, structuredClone(input)).events)
  return { course, events }
}

/** One change by chance, anywhere in a definition. */
function mutated(old: Definition, dice: Dice): Definition {
  const now = structuredClone(old)
  let stages = now.stages
  for (
    let stage = dice.one(stages);
    (stage.kind === 'loop' || stage.kind === 'for_each') && dice.chance(0.5);
    stage = dice.one(stages)
  )
    stages = stage.stages
  const at = dice.between(0, stages.length - 1)
  const stage = stages[at] as Stage
  const kind = dice.between(0, 9)
  if (kind <= 2)
    stages.splice(dice.between(0, stages.length), 0, {
      id: `new_${dice.between(0, 9)}`,
      kind: 'tasks',
      tasks: [{ id: 'x', agent: 'a', instructions: 'Work of x' }],
    })
  else if (kind === 3 && stages.length > 1) stages.splice(at, 1)
  else if (kind === 4) Object.assign(stage, { title: 'another' })
  else if (stage.kind === 'tasks') {
    const one = dice.one(stage.tasks)
    if (kind === 5) one.instructions = `${one.instructions} again`
    else if (kind === 6) one.attempts = dice.between(1, 5)
    else if (kind === 7) one.compensate = { agent: 'a', instructions: 'undo' }
    else stage.min_success = dice.between(0, 2)
  } else if (stage.kind === 'loop' || stage.kind === 'for_each') stage.max = dice.between(1, 9)
  else if (stage.kind === 'approval' || stage.kind === 'wait') stage.timeout = '3h'
  else now.output = 'another'
  return now
}

test('random runs, changed anywhere at any moment: one that fits goes on as the run of the newer version', (t) => {
  const seeds = 200
  let fit = 0
  let misfit = 0
  for (let seed = 1; seed <= seeds; seed++) {
    const dice = diceOf(seed)
    const old = randomDefinition(dice)
    const now = mutated(old, dice)
    // What happens to the run of the newer version, up to its end.
    const { inputs } = simulate(now, diceOf(seed + 10_000), { meddling: true })
    const cut = dice.between(1, inputs.length - 1)
    const of = (hash: string): Definition => (hash === 'new' ? now : old)
    const before = inputs.slice(0, cut)
    const first = fold(before, of)
    const migration = openMigration(RUN, 'new', of)
    migration.add(first.events)
    const result = migration.result()
    assert.equal(result.unread_from, null, `seed ${seed}`)
    if (result.misfit !== null) {
      misfit++
      continue
    }
    fit++
    const from = String(first.course.state.definition)
    const change: RunInput = {
      at: before.at(-1)?.at ?? 0,
      type: 'definition_changed',
      data: { definition: 'new', from, by: 'p' },
    }
    const migrated = fold([...before, change, ...inputs.slice(cut)], of)
    const fresh = fold(inputs, () => now)
    assert.equal(
      canonicalJson({ ...migrated.course.state, seq: 0, definition: '' }),
      canonicalJson({ ...fresh.course.state, seq: 0, definition: '' }),
      `seed ${seed}`,
    )
    assert.ok(replay(migrated.events, of).identical, `seed ${seed}`)
  }
  t.diagnostic(`${fit} fit, ${misfit} did not`)
  assert.ok(fit > seeds / 10 && misfit > seeds / 10)
})
