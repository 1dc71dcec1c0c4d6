import assert from 'node:assert/strict'
import { test } from 'node:test'
import { asText, completed, referencesIn } from './references.ts'

const hash = (letter: string) => `sha256:${letter.repeat(64)}`
const reference = (letter: string, more = {}) => ({ $blob: hash(letter), bytes: 9_000, preview: 'abc', ...more })

test('what an agent wrote in the form of a reference is shown as it is; references of ours go on', () => {
  const written = { see: reference('b') }
  const once = completed({ a: reference('a'), n: 1 }, () => written)
  assert.deepEqual(referencesIn(once), [])
  assert.equal(asText(once), JSON.stringify({ a: written, n: 1 }, null, 2))

  const nested = completed({ a: reference('a', { nested: true }) }, () => written)
  assert.deepEqual(
    referencesIn(nested).map(({ $blob }) => $blob),
    [hash('b')],
  )
})

test('a text that was stored apart is text', () => {
  assert.equal(asText(completed(reference('a'), () => 'a long "text"')), 'a long "text"')
  assert.deepEqual(referencesIn({ $blob: 'something of their own' }), [])
})
