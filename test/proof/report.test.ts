import assert from 'node:assert/strict'
import { test } from 'node:test'
import { atMost, exactly, percentile, readReport } from './report.ts'

test('the nearest-rank percentile', () => {
  const values = [5, 1, 4, 2, 3]
  assert.equal(percentile(values, 0.95), 5)
  assert.equal(percentile(values, 0.5), 3)
  assert.equal(percentile(values, 0.2), 1)
  assert.equal(percentile([], 0.95), null)
})

test('a figure that is missing keeps no promise', () => {
  assert.equal(atMost('x', null, 2, 's').kept, false)
  assert.equal(atMost('x', 2, 2).kept, true)
  assert.equal(exactly('x', 1, 0).kept, false)
})

test('the last line with figures counts', () => {
  const report = { part: 'x', figures: [], not_run: [], seed: 1 }
  assert.deepEqual(readReport(`words\nfigures {"part":"old"}\nfigures ${JSON.stringify(report)}\n`), report)
  assert.equal(readReport('nothing'), null)
})
