import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import type { Stage } from './definition.ts'
import { graphOf } from './graph.ts'

const timer = (id: string, more: Partial<Stage> = {}): Stage => ({ id, kind: 'timer', for: '1s', ...more }) as Stage
const decide = (id: string, then: string[], otherwise: string, more: Partial<Stage> = {}): Stage =>
  ({ id, kind: 'decide', cases: [{ when: 'true', then }], otherwise, ...more }) as Stage

test('1: without needs a stage waits for the one before it', () => {
  const { needs, dependents, order } = graphOf([
    timer('a'),
    timer('b'),
    timer('c', { needs: ['a'] }),
    timer('d', { needs: [] }),
  ])
  assert.deepEqual(Object.fromEntries(needs), { a: [], b: ['a'], c: ['a'], d: [] })
  assert.deepEqual(dependents.get('a'), ['b', 'c'])
  assert.deepEqual(order, ['a', 'd', 'b', 'c'])
})

test('2: what a decision names waits for it, and branches do not wait for each other', () => {
  const { needs, selectors } = graphOf([
    timer('a'),
    decide('d', ['b', 'c'], 'e'),
    timer('b'),
    timer('c'),
    timer('e'),
    timer('f', { needs: ['b', 'e'] }),
  ])
  assert.deepEqual(Object.fromEntries(needs), { a: [], d: ['a'], b: ['d'], c: ['d'], e: ['d'], f: ['b', 'e'] })
  assert.deepEqual(Object.fromEntries(selectors), { b: ['d'], c: ['d'], e: ['d'] })
})

test('2: a stage that answers a failure waits for the one that failed, and listed needs are kept', () => {
  const work = { id: 'w', kind: 'run', definition: 'x', on_failure: { then: 'r' } } as Stage
  const { needs, selectors } = graphOf([timer('a'), work, timer('b'), timer('r', { needs: ['a'] })])
  assert.deepEqual(needs.get('r'), ['a', 'w'])
  assert.deepEqual(selectors.get('r'), ['w'])
  assert.deepEqual(needs.get('b'), ['w'])
})

test('3: stages on a cycle, and those after it, are left out of the order', () => {
  const { order, cyclic } = graphOf([
    timer('a'),
    timer('b', { needs: ['c'] }),
    timer('c', { needs: ['b'] }),
    timer('d', { needs: ['a', 'c'] }),
  ])
  assert.deepEqual(order, ['a'])
  assert.deepEqual(cyclic, ['b', 'c', 'd'])
})

test('3: every stage follows all that it waits for, whatever the graph', () => {
  const graphs = fc.integer({ min: 1, max: 30 }).chain((n) =>
    fc
      .tuple(
        ...Array.from({ length: n }, (_, i) =>
          fc.tuple(fc.boolean(), fc.array(fc.integer({ min: 0, max: Math.max(0, i - 1) }), { maxLength: 3 })),
        ),
      )
      .map((rows) =>
        rows.map(([chooses, earlier], i) => {
          const needs = i === 0 ? [] : earlier.map((at) => `s${at}`)
          return chooses && i + 1 < n ? decide(`s${i}`, [`s${i + 1}`], 'end', { needs }) : timer(`s${i}`, { needs })
        }),
      ),
  )
  fc.assert(
    fc.property(graphs, (stages) => {
      const { order, needs, dependents, cyclic } = graphOf(stages)
      assert.deepEqual(cyclic, [])
      assert.equal(new Set(order).size, stages.length)
      const place = new Map(order.map((id, at) => [id, at]))
      for (const [id, list] of needs)
        for (const need of list) {
          assert.ok((place.get(need) as number) < (place.get(id) as number))
          assert.ok(dependents.get(need)?.includes(id))
        }
    }),
  )
})

test('the graph of a list is computed once', () => {
  const stages = [timer('a')]
  assert.equal(graphOf(stages), graphOf(stages))
})
