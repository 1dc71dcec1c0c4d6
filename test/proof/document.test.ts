import assert from 'node:assert/strict'
import { test } from 'node:test'
import { proofDocument, type Section } from './document.ts'
import { atMost } from './report.ts'

const on = { commit: 'abc1234', date: '2026-01-02 03:04 UTC', machine: '2 cores', extent: 'all of it', seed: 1 }
const order = ['First', 'Second', 'Third']
const section = (title: string, value: number): Section => ({
  title,
  file: `test/proof/${title.toLowerCase()}.ts`,
  report: { part: title.toLowerCase(), figures: [atMost('lost | doubled', value, 0)], not_run: [], seed: 1 },
  seconds: 12.4,
  load: 0.5,
})

test('a part that was run now takes the place of its section; the others stay, in the order of the parts', () => {
  const first = proofDocument([section('Third', 0), section('First', 1)], on, order, '')
  assert.match(first, /## First[\s\S]*## Third[\s\S]*## Never run\n\n- Second\n/)
  assert.match(first, /\| lost \\\| doubled \| 1 \| ≤ 0 \| \*\*broken\*\* \|/)
  const later = proofDocument([section('Second', 0), section('First', 0)], { ...on, commit: 'def5678' }, order, first)
  assert.deepEqual(
    [...later.matchAll(/^## (.*)$|commit ([a-f]{3}\d+)/gm)].map(([, title, commit]) => title ?? commit),
    ['First', 'def5678', 'Second', 'def5678', 'Third', 'abc1234'],
  )
  assert.doesNotMatch(later, /broken|Never run/)
  assert.equal(proofDocument([], on, order, later), later, 'nothing run, nothing changed')
})
