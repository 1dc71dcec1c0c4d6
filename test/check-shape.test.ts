import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { checkShape } from '../scripts/check-shape.ts'
import { folders } from '../scripts/import-table.ts'

/** The folders that the table has rows for, so that only what a case is about is wrong. */
const known = folders.map(({ folder }) => folder)

const said = (files: { [path: string]: string }, docs: { [path: string]: string } = {}, more: string[] = []) =>
  checkShape({
    sources: new Map(Object.entries(files)),
    docs: new Map(Object.entries(docs)),
    folders: [...known, ...more],
    exists: (path) => path in files || Object.keys(files).some((file) => file.startsWith(`${path}/`)),
  }).map(({ path, line, message }) => `${path}:${line} ${message}`)

describe('check-shape', () => {
  it('refuses names that say nothing', () => {
    assert.deepEqual(
      said({
        'src/workflow/utils.ts': '',
        'src/workflow/common/a.ts': '',
        'src/api/index.test.ts': '',
        'src/workflow/utility.ts': '',
      }),
      [
        'src/workflow/utils.ts:1 is named utils',
        'src/workflow/common/a.ts:1 is named common',
        'src/api/index.test.ts:1 is named index',
      ],
    )
  })

  it('wants a reason for more than 400 lines', () => {
    const long = 'x\n'.repeat(401)
    assert.deepEqual(
      said({
        'src/api/a.ts': long,
        'src/api/b.ts': 'x\n'.repeat(400),
        'src/api/c.ts': `// over 400 lines because it is a table\n${long}`,
        'src/api/d.ts': `// over 400 lines because\n${long}`,
      }),
      ['src/api/a.ts:1 has 401 lines', 'src/api/d.ts:1 has 402 lines'],
    )
  })

  it('wants every folder of src in the import table', () => {
    assert.deepEqual(said({ 'src/novelty/a.ts': '' }), ['src/novelty/:1 is not in the import table'])
    assert.deepEqual(said({}, {}, ['src/empty/']), ['src/empty/:1 is not in the import table'])
  })

  it('wants of every adapter its file, its place in the list, and the conformance suite', () => {
    const whole = {
      'src/agent-systems/all.ts': "import { letta } from './letta/letta.ts'",
      'src/agent-systems/letta/letta.ts': '',
      'src/agent-systems/letta/letta.test.ts': "conforms('letta', letta)",
    }
    assert.deepEqual(said(whole, {}, ['src/agent-systems/letta/']), [])
    assert.deepEqual(
      said({ 'src/agent-systems/letta/wire.ts': '', 'src/agent-systems/letta/letta.test.ts': 'it()' }, {}, [
        'src/agent-systems/letta/',
      ]),
      [
        'src/agent-systems/letta/:1 has no letta.ts',
        'src/agent-systems/letta/:1 has no letta.test.ts that calls conforms(',
        'src/agent-systems/all.ts:1 does not list letta',
      ],
    )
  })

  it('wants each route in one file', () => {
    const operation = (method: string, path: string) =>
      `export const x = defineOperation({\n  method: '${method}',\n  path: '${path}',\n})`
    assert.deepEqual(
      said({
        'src/operations/create_swarm.ts': operation('POST', '/create_swarm'),
        'src/operations/list_runs.ts': operation('GET', '/runs'),
        'src/operations/start_run.ts': operation('POST', '/runs'),
        'src/operations/again.ts': operation('GET', '/runs'),
        'src/api/routes.ts': "\nif (path === '/create_swarm') x()",
        'src/api/routes.test.ts': "get('/runs')",
      }),
      [
        'src/operations/again.ts:1 has the route GET /runs of src/operations/list_runs.ts',
        'src/api/routes.ts:2 repeats the route /create_swarm',
      ],
    )
  })

  it('finds paths in docs that are not there', () => {
    assert.deepEqual(
      said(
        { 'src/store/store.ts': '', 'docs/words.md': '' },
        {
          'README.md':
            'See `src/store/store.ts`, `src/store/`, `src/store/store.ts:12`, [words](docs/words.md#run), `src/<name>/x.ts`, [web](https://example.com), `npm start`\n`src/gone.ts` and [gone](docs/gone.md)',
          'docs/a.md': '[words](words.md) [up](../src/store/store.ts) [no](nothing.md)',
        },
      ),
      [
        'README.md:2 names src/gone.ts, which is not there',
        'README.md:2 names docs/gone.md, which is not there',
        'docs/a.md:1 names docs/nothing.md, which is not there',
      ],
    )
  })
})
