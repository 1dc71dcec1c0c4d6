import assert from 'node:assert/strict'
import { test } from 'node:test'
import { commitReader } from './traced.ts'

test('commits are read from whole lines, from lines in two parts, and from nothing else', () => {
  const read = commitReader('/d')
  assert.deepEqual(read('20658 fsync(24</d/quorate.db-wal>) = 0'), { by: 'program', file: 'quorate.db-wal' })
  assert.equal(read('7 fdatasync(9</d/engine/n1/log-store/000004.log> <unfinished ...>'), null)
  assert.equal(read('8 fdatasync(9</d/engine/n1/db/000004.log> <unfinished ...>'), null)
  assert.deepEqual(read('7 <... fdatasync resumed>) = 0'), { by: 'engine', file: 'engine/n1/log-store/000004.log' })
  assert.equal(read('7 <... fdatasync resumed>) = 0'), null, 'it has returned already')
  assert.equal(read('8 <... fdatasync resumed>) = -1 EIO (Input/output error)'), null, 'a failed one commits nothing')
  assert.equal(read('9 fsync(3</elsewhere/file>) = 0'), null)
  assert.equal(read('9 +++ killed by SIGKILL +++'), null)
})
