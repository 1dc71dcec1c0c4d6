import assert from 'node:assert/strict'
import { test } from 'node:test'
import { hideSecrets } from './hide-secrets.ts'

test('secrets vanish from text, from values and from keys, the longest first', () => {
  const hide = hideSecrets(['token-1', 'token-1-long'])
  assert.equal(hide.text('a token-1 b token-1-long c'), 'a [secret] b [secret] c')
  assert.deepEqual(hide.value({ 'token-1': ['x token-1', 1, null, { deep: 'token-1' }] }), {
    '[secret]': ['x [secret]', 1, null, { deep: '[secret]' }],
  })
})

test('each line of a key with several lines is a secret', () => {
  const hide = hideSecrets(['-----BEGIN KEY-----\nMIIEvQIBADAN\nab\n-----END KEY-----'])
  assert.equal(hide.text('> MIIEvQIBADAN ab'), '> [secret] ab')
})

test('what is too short to be a secret, or no secret at all, changes nothing', () => {
  assert.equal(hideSecrets(['1', '']).text('1 2 3'), '1 2 3')
  const value = { __proto__: null, a: 1 }
  assert.equal(hideSecrets([]).value(value), value)
})
