import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { usedBy } from '../budget.ts'
import type { RunEvent } from '../event.ts'
import type { Decompose } from './schema.ts'
import { definitionWith, ends, parts, stops, world } from './stand-in-tree.ts'

describe('caps of a tree of tasks', () => {
  const denials = (events: readonly RunEvent[]) =>
    events.flatMap((event) => (event.type === 'decomposition_denied' ? [event.data.cap] : []))

  /** Everything fails; every plan has as many parts as it may. */
  const worst = (decompose: Decompose) => {
    let n = 0
    const w = world({
      agent: () => undefined,
      // `or` goes through all its parts.
      planner: ({ breadth }) => ({ logic: 'or', parts: parts(breadth, `plan ${n++}`) }),
    })
    w.drive('run', w.store(definitionWith(decompose)))
    return w
  }

  for (const [breadth, depth, executions, plans] of [
    [3, 3, 13, 4],
    [3, 4, 40, 13],
    [5, 3, 31, 6],
  ] as const)
    it(`breadth ${breadth}, depth ${depth}: at most ${executions} executions and ${plans} plans`, () => {
      const { count, all } = worst({ breadth, depth })
      assert.deepEqual([count.executions, count.plans], [executions, plans])
      assert.equal(count.level, depth)
      assert.ok(denials(all()).every((cap) => cap === 'depth'))
    })

  it('nodes count over all runs of the tree', () => {
    for (const nodes of [4, 5, 7, 12, 13, 25]) {
      const { count, all } = worst({ breadth: 3, depth: 6, nodes })
      assert.ok(count.executions <= nodes, `${count.executions} of ${nodes}`)
      assert.ok(denials(all()).includes('nodes'))
    }
  })

  it('breadth is the planner told, and what exceeds it refused', () => {
    const asked: number[] = []
    const w = world({
      agent: () => undefined,
      planner: ({ breadth }) => {
        asked.push(breadth)
        return { parts: parts(breadth + 1, 'it') }
      },
    })
    w.drive('run', w.store(definitionWith({ breadth: 4 })))
    assert.deepEqual(asked, [4, 4, 4])
    assert.deepEqual(denials(w.all()), ['breadth', 'breadth', 'breadth'])
    assert.deepEqual(stops(w.all()), ['breadth_cap'])
  })

  it('the budget is shared out: a child gets what is left by the siblings that are left', () => {
    const w = world({
      agent: (_, level) => (level === 1 ? undefined : 'done'),
      planner: () => ({ logic: 'and', parts: parts(2, 'it') }),
    })
    const sibling = { id: 'later', kind: 'tasks' as const, tasks: [{ id: 'x', capability: 'work', instructions: 'X' }] }
    const definition = definitionWith(true, {}, { budget: { calls: 12 } })
    definition.stages.push({ ...sibling, on_failure: 'continue' })
    w.drive('run', w.store(definition))
    const child = [...w.logs.values()].flat().find((event) => event.type === 'run_started' && event.data.decomposition)
    assert.ok(child?.type === 'run_started')
    // 12 less one attempt and one plan, by two.
    assert.deepEqual(child.data.budget?.limits, { calls: 5 })
  })

  it('a budget that has nothing left for a plan, and one of depth, say so', () => {
    const w = world({ agent: () => undefined, planner: () => assert.fail('nothing is left for it') })
    w.drive('a', w.store(definitionWith(true, {}, { budget: { calls: 1 } })))
    w.drive('b', w.store(definitionWith(true, {}, { budget: { depth: 0 } })))
    assert.deepEqual(denials(w.all()), ['budget', 'budget'])
    assert.deepEqual(stops(w.all()), ['budget', 'budget'])
  })

  it('with a budget that parks, a denied plan waits, and the task goes on where it stood once it is raised', () => {
    let raised = 0
    const w = world({
      agent: (_, level) => (level === 1 ? undefined : 'done'),
      planner: () => ({ logic: 'and', parts: parts(2, 'it') }),
      raise: (limit) => limit + ++raised,
    })
    const budget = { calls: 1, when_used_up: 'park' as const }
    const { state } = w.drive('run', w.store(definitionWith(true, {}, { budget })))
    assert.equal(state.status, 'completed')
    assert.deepEqual(stops(w.all()), ['parts_done'])
    // The first raise pays for the plan, the second one for its parts: it is not asked for twice.
    assert.deepEqual([raised, w.count.plans], [2, 1])
    const of = (type: RunEvent['type']) => w.all().filter((event) => event.type === type).length
    assert.deepEqual([of('decomposition_requested'), of('decomposition_proposed')], [1, 1])
    assert.deepEqual(denials(w.all()), ['budget', 'budget'])
    assert.deepEqual(usedBy(state).spent.calls, 4)
  })

  it('so does one that an account of several runs denied: that call counts as no proposal', () => {
    const denied = { account: 'total', unit: 'calls' as const, wanted: 1, left: 0, limit: 9 }
    let asked = 0
    let raised = 0
    const nothing = { input_tokens: 0, output_tokens: 0, calls: 0 }
    const w = world({
      agent: (_, level) => (level === 1 ? undefined : 'done'),
      planner: () => {
        asked++
        if (asked < 4) return { denied, usage: nothing, logic: null }
        return asked < 6 ? { logic: null, problems: ['noise'] } : { logic: 'and', parts: parts(2, 'it') }
      },
      raise: (limit) => limit + ++raised,
    })
    const budget = { calls: 50, when_used_up: 'park' as const }
    const { state } = w.drive('run', w.store(definitionWith(true, {}, { budget })))
    assert.deepEqual([state.status, raised, asked], ['completed', 3, 6])
    // Without it the task fails, as it always has.
    asked = 0
    w.drive('closes', w.store(definitionWith(true, {}, { budget: { calls: 50 } })))
    assert.deepEqual(stops(w.logs.get('closes') ?? []), ['budget'])
  })

  it('a stage that has used up its own budget is not waited for: raising the run’s would not help it', () => {
    const w = world({ agent: () => undefined, planner: () => assert.fail('nothing is left for it'), raise: () => 99 })
    const definition = definitionWith(true, {}, { budget: { calls: 50, when_used_up: 'park' } })
    const [stage] = definition.stages
    assert.ok(stage?.kind === 'tasks')
    stage.budget = { calls: 1 }
    w.drive('run', w.store(definition))
    assert.deepEqual(stops(w.all()), ['budget'])
  })

  it('random trees that park: no task of the run fails for want of a plan, however little it is raised at a time', () => {
    fc.assert(
      fc.property(
        fc.record({
          breadth: fc.integer({ min: 2, max: 4 }),
          depth: fc.integer({ min: 2, max: 4 }),
          calls: fc.integer({ min: 1, max: 8 }),
          step: fc.integer({ min: 1, max: 4 }),
          too_large: fc.boolean(),
          seed: fc.infiniteStream(fc.integer({ min: 0, max: 99 })),
        }),
        ({ breadth, depth, calls, step, too_large, seed }) => {
          let n = 0
          let most = calls
          const roll = (): number => seed.next().value ?? 0
          const w = world({
            agent: () => (roll() < 40 ? `result ${n++}` : undefined),
            planner: ({ breadth: wide }) =>
              roll() < 20 ? { logic: null, problems: ['noise'] } : { parts: parts(wide, `plan ${n++}`) },
            raise: (limit) => {
              most = limit + step
              return most
            },
          })
          const budget = { calls, when_used_up: 'park' as const }
          const { state } = w.drive('run', w.store(definitionWith({ breadth, depth, too_large }, {}, { budget })))
          assert.ok(!stops(w.logs.get('run') ?? []).includes('budget'))
          assert.ok(usedBy(state).spent.calls <= most)
        },
      ),
      { numRuns: 100 },
    )
  })

  it('random trees: never more executions, plans, levels or tasks than the caps allow, and the planner counts', () => {
    fc.assert(
      fc.property(
        fc.record({
          breadth: fc.integer({ min: 2, max: 5 }),
          depth: fc.integer({ min: 2, max: 5 }),
          nodes: fc.integer({ min: 6, max: 200 }),
          calls: fc.option(fc.integer({ min: 1, max: 120 })),
          seed: fc.infiniteStream(fc.integer({ min: 0, max: 99 })),
        }),
        ({ breadth, depth, nodes, calls, seed }) => {
          let n = 0
          const roll = (): number => seed.next().value ?? 0
          const w = world({
            agent: () => (roll() < 30 ? `result ${n++}` : undefined),
            planner: (step) =>
              roll() < 10
                ? { logic: null, problems: ['noise'] }
                : {
                    logic: roll() < 50 ? 'and' : 'or',
                    parts: parts(2 + (roll() % (breadth - 1)), `plan ${n++}`).slice(0, roll() < 5 ? 99 : step.breadth),
                  },
          })
          const budget = calls === null ? {} : { budget: { calls } }
          const { state } = w.drive('run', w.store(definitionWith({ breadth, depth, nodes }, {}, budget)))
          const sum = (levels: number): number =>
            Array.from({ length: levels }, (_, i) => breadth ** i).reduce((a, b) => a + b, 0)
          assert.ok(w.count.executions <= Math.min(sum(depth), nodes), `${w.count.executions} executions`)
          assert.ok(w.count.plans <= sum(depth - 1), `${w.count.plans} plans`)
          assert.ok(w.count.level <= depth)
          const planned = w.all().filter(({ type }) => type === 'decomposition_proposed').length
          if (calls !== null) {
            const { spent } = usedBy(state)
            assert.equal(spent.calls, w.count.executions + planned, 'every call counts, whoever made it')
            assert.ok(spent.calls <= calls)
          }
          for (const log of w.logs.values()) {
            const begun = new Set(log.flatMap((event) => (event.type === 'task_decomposed' ? [event.data.task] : [])))
            const ended = ends(log).filter(({ task }) => task !== '')
            assert.ok(
              [...begun].every((task) => ended.some((end) => end.task === task)),
              'every end is named',
            )
          }
        },
      ),
      { numRuns: 150 },
    )
  })
})
