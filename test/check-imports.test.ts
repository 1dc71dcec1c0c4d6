import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { checkImports } from '../scripts/check-imports.ts'

/** What is said about a small tree: `path:line message`. */
const said = (files: { [path: string]: string }) =>
  checkImports(new Map(Object.entries(files))).map(({ path, line, message, instead }) => {
    assert.ok(instead.length > 20, 'every rule says where to go instead')
    return `${path}:${line} ${message}`
  })

describe('the import table', () => {
  it('lets through what it allows', () => {
    assert.deepEqual(
      said({
        'src/failure.ts': 'export const ok = 1',
        'src/workflow/next.ts':
          "import { z } from 'zod'\nimport { createHash } from 'node:crypto'\nimport { ok } from '../failure.ts'\nimport { a } from '../agents/agent.ts'\nimport { b } from './stages/vote.ts'",
        'src/store/sqlite.ts': "import { DatabaseSync } from 'node:sqlite'\nimport { Kysely } from 'kysely'",
        'src/durable/segment.ts':
          "import * as restate from '@restatedev/restate-sdk'\nimport type { Store } from '../store/store.ts'",
        'src/agent-systems/letta/letta.ts':
          "import { x } from './wire.ts'\nimport { ask } from '../ask-model.ts'\nimport type { AgentSystem } from '../agent-system.ts'",
        'src/agent-systems/all.ts': "const letta = () => import('./letta/letta.ts')",
        'src/operations/get_run.ts': "import type { Store } from '../store/store.ts'",
        'src/api/routes.ts': "import { all } from '../operations/all.ts'\nimport { Hono } from 'hono'",
        'src/main.ts': "import { openStore } from './store/sqlite.ts'\nimport { serve } from '@hono/node-server'",
        'src/workflow/next.test.ts': "import { readFileSync } from 'node:fs'\nsetTimeout(() => {}, Date.now())",
        'src/cli/main.ts': "const load = () => import('../main.ts')",
        'src/library/open-quorate.ts':
          "import { startQuorate } from '../main.ts'\nimport { createFunctions } from '../agent-systems/function/function.ts'",
        'test/crash/program.ts': "import { startQuorate } from '../../src/main.ts'",
        'src/api/stand-ins.ts': "import { openStore } from '../store/sqlite.ts'",
        'bin/quorate.mjs': "import 'node:fs'\nimport './launch.mjs'",
      }),
      [],
    )
  })

  const refused: [string, string, string][] = [
    ['src/workflow/next.ts', "import { s } from '../store/store.ts'", 'imports src/store/store.ts'],
    [
      'src/workflow/next.ts',
      "import { readFile } from 'node:fs/promises'",
      'imports node:fs/promises into a pure folder',
    ],
    ['src/workflow/next.ts', "import { randomUUID } from 'node:crypto'", 'imports node:crypto into a pure folder'],
    ['src/workflow/next.ts', "import { v7 } from 'uuid'", 'imports uuid into a pure folder'],
    ['src/workflow/next.ts', "export { s } from '../store/store.ts'", 'imports src/store/store.ts'],
    ['src/workflow/next.ts', "type S = import('../store/store.ts').Store", 'imports src/store/store.ts'],
    ['src/workflow/next.ts', "const s = await import('../store/store.ts')", 'imports src/store/store.ts'],
    ['src/planning/propose.ts', "import { g } from '../models/gateway.ts'", 'imports src/models/gateway.ts'],
    ['src/operations/get_run.ts', "import { sql } from 'kysely'", 'imports kysely'],
    ['src/operations/get_run.ts', "import { openStore } from '../store/sqlite.ts'", 'imports src/store/sqlite.ts'],
    [
      'src/fleet/open-fleet.ts',
      "import * as restate from '@restatedev/restate-sdk'",
      'imports @restatedev/restate-sdk',
    ],
    ['src/api/routes.ts', "import OpenAI from 'openai'", 'imports openai'],
    ['src/api/routes.ts', "import { openStore } from '../store/sqlite.ts'", 'imports src/store/sqlite.ts'],
    ['src/cli/start.ts', "import { main } from '../main.ts'", 'imports main.ts'],
    ['src/library/connect.ts', "import { main } from '../main.ts'", 'imports main.ts'],
    [
      'src/agent-systems/letta/letta.ts',
      "import { c } from '../crewai/crewai.ts'",
      'imports src/agent-systems/crewai/crewai.ts',
    ],
    ['src/agent-systems/letta/letta.ts', "import { all } from '../all.ts'", 'imports src/agent-systems/all.ts'],
    [
      'src/agent-systems/ask-model.ts',
      "import { c } from './crewai/crewai.ts'",
      'imports src/agent-systems/crewai/crewai.ts',
    ],
    ['src/api/server.ts', "import { store } from './stand-ins.ts'", 'imports src/api/stand-ins.ts, which is for tests'],
    ['bin/quorate.mjs', "import pino from 'pino'", 'imports pino from bin'],
  ]
  for (const [path, text, message] of refused) {
    it(`refuses ${text} in ${path}`, () => assert.deepEqual(said({ [path]: text }), [`${path}:1 ${message}`]))
  }

  it('finds cycles, of types too, and names the files', () => {
    const found = said({
      'src/workflow/a.ts': "import type { B } from './b.ts'",
      'src/workflow/b.ts': "\nimport { c } from './c.ts'",
      'src/workflow/c.ts': "import { a } from './a.ts'",
      'src/workflow/d.ts': "import { a } from './a.ts'",
    })
    assert.deepEqual(found, [
      'src/workflow/a.ts:1 is in a cycle of 3: src/workflow/a.ts → src/workflow/b.ts → src/workflow/c.ts',
    ])
  })

  it('says where a file does not parse', () => {
    assert.match(said({ 'src/workflow/a.ts': '\nconst = 1' })[0] ?? '', /^src\/workflow\/a\.ts:2 /)
  })
})

describe('pure folders', () => {
  const impure = [
    'Date.now()',
    'new Date()',
    'Date()',
    'Math.random()',
    'fetch("x")',
    'setTimeout(f, 1)',
    'process.exit()',
    'performance.now()',
    'crypto.randomUUID()',
    'globalThis.fetch',
    'console.log(1)',
    'queueMicrotask(f)',
    '[1].map(fetch)',
  ]
  for (const code of impure) {
    it(`refuses ${code}`, () => {
      assert.equal(
        said({ 'src/workflow/a.ts': `declare const f: () => void\nexport const a = () => ${code}` }).length,
        1,
      )
      assert.deepEqual(said({ 'src/models/a.ts': `export const a = () => ${code}` }), [])
    })
  }

  it('lets through what only looks like it', () => {
    assert.deepEqual(
      said({
        'src/workflow/a.ts': `
          export type T = { fetch: typeof fetch; process: string; performance?: number }
          export const a = (fetch: () => number, at: number) => ({ process: fetch(), date: new Date(at), x: Math.max(1, 2) })
          export function performance() { return a(() => 1, 2).process }
          export const b = () => performance()
          export const c = (d: Date) => Date.parse(d.toISOString())`,
      }),
      [],
    )
  })
})
