import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { effectRestarts } from './effect-restarts.ts'

const SEED = 1
const silent = (): void => undefined

test('no effect twice while replies are lost and processes die; a service that breaks its promise is found out', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'quorate-effects-'))
  t.after(() => rmSync(folder, { recursive: true, force: true, maxRetries: 5 }))
  const tally = await effectRestarts(join(folder, 'true'), SEED, 25, silent)
  assert.deepEqual([tally.duplicates, tally.missing, tally.failed, tally.inexact], [[], [], [], []])
  assert.ok(tally.questions > 0, 'unsafe effects were asked about')
  const control = await effectRestarts(join(folder, 'false'), SEED, 25, silent, (agents) =>
    agents.map((agent) => (agent.name.startsWith('thread') ? { ...agent, effect: 'idempotent' as const } : agent)),
  )
  assert.ok(control.duplicates.length > 0, 'the ledger counts what happens twice')
})
