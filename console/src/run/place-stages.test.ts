import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { LABEL, type Layout, placeStages, type ToPlace } from './place-stages.ts'

type Box = { x: number; y: number; width: number; height: number }

/** Stages on the whole sheet. */
function boxesOf(what: ToPlace, layout: Layout): Map<string, Box> {
  const boxes = new Map<string, Box>()
  for (const { path, parent } of what.nodes) {
    const place = layout.nodes.get(path)
    assert.ok(place, path)
    const outer = parent === null ? { x: 0, y: 0 } : (boxes.get(parent) as Box)
    boxes.set(path, { ...place, x: outer.x + place.x, y: outer.y + place.y })
  }
  return boxes
}

const meet = (a: Box, b: Box): boolean =>
  a.x + 1 < b.x + b.width && b.x + 1 < a.x + a.width && a.y + 1 < b.y + b.height && b.y + 1 < a.y + a.height

/** What each piece of a line covers; a curve stays between its ends. */
function piecesOf(path: string): Box[] {
  const ends = [...path.matchAll(/[MLC]([-\d. e]+)/g)].map(([, numbers = '']) =>
    numbers.split(' ').map(Number).slice(-2),
  )
  return ends.slice(1).map(([x = 0, y = 0], at) => {
    const [fromX = 0, fromY = 0] = ends[at] ?? []
    const [width, height] = [Math.abs(x - fromX), Math.abs(y - fromY)]
    // A straight piece is a little wide, so that it can meet something.
    return { x: Math.min(x, fromX) - 1, y: Math.min(y, fromY) - 1, width: width + 2, height: height + 2 }
  })
}

const level = (prefix: string, parent: string | null) =>
  fc
    .array(
      fc.record({
        height: fc.integer({ min: 52, max: 260 }),
        from: fc.array(fc.tuple(fc.nat(20), fc.boolean()), { maxLength: 3 }),
      }),
      { minLength: 1, maxLength: 12 },
    )
    .map((stages) => ({
      nodes: stages.map(({ height }, at) => ({ path: `${prefix}${at}`, parent, width: 208, height })),
      edges: stages.flatMap(({ from }, at) =>
        from
          .filter(([source]) => source < at)
          .map(([source, labelled]) => ({ from: `${prefix}${source}`, to: `${prefix}${at}`, labelled })),
      ),
    }))

const graphs = fc
  .tuple(
    level('s', null),
    level('s0.', 's0'),
    level('s0.0.', 's0.0'),
    fc.constantFrom('RIGHT' as const, 'DOWN' as const),
  )
  .map(
    ([top, body, inner, direction]): ToPlace => ({
      nodes: [...top.nodes, ...body.nodes, ...inner.nodes],
      edges: [...top.edges, ...body.edges, ...inner.edges],
      direction,
    }),
  )

test('stages lie side by side, those of a loop within it; lines and labels meet no stage that is not theirs', () => {
  fc.assert(
    fc.property(graphs, (what) => {
      const layout = placeStages(what)
      const boxes = boxesOf(what, layout)
      const parents = new Map(what.nodes.map(({ path, parent }) => [path, parent]))
      for (const [a, one] of boxes) {
        const outer = boxes.get(parents.get(a) ?? '')
        if (outer !== undefined)
          assert.ok(
            one.x >= outer.x &&
              one.y > outer.y + 52 &&
              one.x + one.width <= outer.x + outer.width &&
              one.y + one.height <= outer.y + outer.height,
            `${a} within its stage`,
          )
        for (const [b, other] of boxes)
          if (a < b && parents.get(a) === parents.get(b)) assert.ok(!meet(one, other), `${a} beside ${b}`)
      }
      what.edges.forEach(({ from, to, labelled }, at) => {
        const line = layout.edges[at]
        assert.ok(line !== undefined && line.path !== '' && (line.label !== null) === labelled)
        const own = (other: string) => parents.get(other) === parents.get(from)
        const others = [...boxes].filter(([other]) => own(other) && other !== from && other !== to)
        const pieces = piecesOf(line.path)
        for (const [other, box] of others)
          for (const piece of pieces) assert.ok(!meet(piece, box), `${from} to ${to} around ${other}: ${line.path}`)
        if (line.label === null) return
        const label = { x: line.label.x - LABEL.width / 2, y: line.label.y - LABEL.height / 2, ...LABEL }
        for (const [other, box] of boxes)
          if (own(other)) assert.ok(!meet(label, box), `label of ${from} to ${to} beside ${other}`)
      })
    }),
    { numRuns: 60 },
  )
})

test('a line begins at the end of its stage and ends at the beginning of the next', () => {
  const nodes = ['a', 'b'].map((path) => ({ path, parent: null, width: 208, height: 52 }))
  const { edges, nodes: places } = placeStages({
    ...{ nodes, direction: 'RIGHT' },
    edges: [{ from: 'a', to: 'b', labelled: false }],
  })
  const [a, b] = [places.get('a'), places.get('b')]
  assert.ok(a && b && b.x > a.x + 208)
  assert.equal(edges[0]?.path, `M${a.x + 208} ${a.y + 26}L${b.x} ${b.y + 26}`)
})

test('stages side by side stand in the order in which they are written', () => {
  const nodes = ['first', 'a', 'b', 'c', 'last'].map((path) => ({ path, parent: null, width: 208, height: 52 }))
  const edges = ['a', 'b', 'c'].flatMap((one) => [
    { from: 'first', to: one, labelled: true },
    { from: one, to: 'last', labelled: false },
  ])
  for (const [direction, across] of [
    ['RIGHT', 'y'],
    ['DOWN', 'x'],
  ] as const) {
    const layout = placeStages({ nodes, edges, direction })
    const at = ['a', 'b', 'c'].map((path) => layout.nodes.get(path)?.[across] ?? Number.NaN)
    assert.deepEqual(
      at,
      at.toSorted((one, other) => one - other),
    )
    const labels = [0, 2, 4].map((edge) => layout.edges[edge]?.label?.[across] ?? Number.NaN)
    assert.deepEqual(
      labels,
      labels.toSorted((one, other) => one - other),
    )
  }
})

test('what makes no sense is placed all the same: circles, edges to nowhere and to itself, nothing', () => {
  const nodes = ['a', 'b'].map((path) => ({ path, parent: null, width: 208, height: 52 }))
  const edge = (from: string, to: string) => ({ from, to, labelled: false })
  const placed = placeStages({
    ...{ nodes, direction: 'DOWN' },
    edges: [edge('a', 'b'), edge('b', 'a'), edge('a', 'a'), edge('a', 'gone'), edge('gone', 'a')],
  })
  assert.equal(placed.nodes.size, 2)
  assert.deepEqual(
    placed.edges.map(({ path }) => path !== ''),
    [true, true, false, false, false],
  )
  assert.deepEqual(placeStages({ nodes: [], edges: [], direction: 'DOWN' }), { nodes: new Map(), edges: [] })
})
