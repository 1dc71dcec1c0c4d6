import assert from 'node:assert/strict'
import { test } from 'node:test'
import { diceOf } from '../simulation/dice.ts'
import { BLOCK, bytesOf, leftAfter, readTrace } from './disk-trace.ts'

const lines = [
  '1 openat(AT_FDCWD</>, "/d/a", O_RDWR|O_CREAT, 0600) = 5</d/a>',
  '1 pwrite64(5</d/a>, "one", 3, 0) = 3',
  '2 fsync(5</d/a> <unfinished ...>',
  '1 pwrite64(5</d/a>, "\\x00two\\n", 5, 3) = 5',
  '2 <... fsync resumed>) = 0',
  '1 write(9</acks>, "ack 7\\n", 6) = 6',
  '1 openat(AT_FDCWD</>, "/d/b", O_WRONLY|O_CREAT|O_APPEND, 0600) = 6</d/b>',
  '1 write(6</d/b>, "xy", 2) = 2',
  '1 rename("/d/b", "/d/c") = 0',
  '1 fdatasync(5</d/a>) = -1 EIO (Input/output error)',
  '1 write(7</elsewhere>, "z", 1) = 1',
]
const ops = readTrace(lines, '/d', '/acks')
const texts = (loss: 'keep' | 'drop', cut = ops.length) =>
  Object.fromEntries([...leftAfter(ops, cut, loss, diceOf(1)).files].map(([name, content]) => [name, String(content)]))

test('what was synced stays, what was written while a sync was under way does not', () => {
  assert.deepEqual(texts('keep'), { a: 'one\0two\n', c: 'xy' })
  // The file's name was not synced when the sync began; a journal keeps the order of names.
  assert.deepEqual(texts('drop'), { a: 'one' })
  assert.deepEqual(texts('drop', 2), {})
  assert.deepEqual(
    ops.filter((op) => op.kind === 'told'),
    [{ kind: 'told', line: 'ack 7' }],
  )
})

test('a torn write keeps some blocks and not others', () => {
  const big = readTrace(
    [
      '1 openat(AT_FDCWD</>, "/d/a", O_RDWR|O_CREAT, 0600) = 5</d/a>',
      '1 fsync(5</d/a>) = 0',
      `1 pwrite64(5</d/a>, "${'q'.repeat(64 * BLOCK)}", ${64 * BLOCK}, 0) = ${64 * BLOCK}`,
    ],
    '/d',
    '/acks',
  )
  const torn = leftAfter(big, big.length, 'tear', diceOf(3)).files.get('a') as Buffer
  const kept = Array.from({ length: torn.length / BLOCK }, (_, i) => torn[i * BLOCK] === 113)
  assert.ok(kept.includes(true) && kept.includes(false))
  assert.ok(
    kept.every((whole, i) => torn.subarray(i * BLOCK, (i + 1) * BLOCK).every((byte) => (byte === 113) === whole)),
  )
})

test('strings of strace are read byte by byte', () => {
  assert.deepEqual([...bytesOf('a\\n\\"\\\\\\xff\\0\\12')], [97, 10, 34, 92, 255, 0, 10])
})
