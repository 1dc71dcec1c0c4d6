/** The commands that steer runs and definitions, against a server of given answers. */
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, describe, test } from 'node:test'
import type { Json } from '../workflow/value.ts'
import { type Answer, type Asked, commandLine, standInServer } from './stand-ins.ts'

const folder = mkdtempSync(join(tmpdir(), 'quorate-cli-'))
after(() => rmSync(folder, { recursive: true, force: true }))
writeFileSync(join(folder, 'edited.yaml'), 'name: edited\n')
writeFileSync(join(folder, 'data.json'), '{"n": 1}')

const ID = 'run_0198c0de-0000-7000-8000-000000000001'
const OTHER = 'run_0198c0de-0000-7000-8000-000000000002'
const accepted: Answer = { status: 202, body: { run_id: ID, status: 'running', accepted: true, mail: 1 } }
const forked: Answer = {
  status: 202,
  body: {
    run_id: OTHER,
    swarm_id: null,
    status: 'queued',
    forked_from: { run: ID, seq: 12 },
    left_out: { total: 1, items: [{ seq: 9, type: 'task_finished', about: 'a/b#1', reason: 'finds no place' }] },
  },
}
const summary: Json = {
  hash: `sha256:${'a'.repeat(64)}`,
  name: 'review',
  version: 2,
  created_at: 0,
  by: 'ann',
  note: 'better',
}

type Routes = { [route: string]: Answer | ((asked: Asked) => Answer) }
async function line(routes: Routes, ...argv: string[]) {
  const server = await standInServer(routes)
  const command = commandLine({ cwd: folder, environment: { QUORATE_URL: server.url } })
  try {
    const exit = await command.run(...argv)
    return { exit, asked: server.asked, ...command.printed }
  } finally {
    await server.close()
  }
}

describe('runs', () => {
  test('pause, resume, signal say what was accepted and send what was said', async () => {
    const paused = await line({ [`POST /runs/${ID}/pause`]: accepted }, 'pause', ID, '--reason', 'lunch')
    assert.deepEqual([paused.exit, paused.asked[0]?.body], [0, { reason: 'lunch' }])
    assert.equal((await line({ [`POST /runs/${ID}/resume`]: accepted }, 'resume', ID)).exit, 0)
    const route = `POST /runs/${ID}/signals/go`
    const sent = async (...more: string[]) =>
      (await line({ [route]: accepted }, 'signal', ID, 'go', ...more)).asked[0]?.body
    assert.deepEqual(await sent(), { data: null })
    assert.deepEqual(await sent('--data', '12.5'), { data: 12.5 })
    assert.deepEqual(await sent('--data', 'plain words'), { data: 'plain words' })
    assert.deepEqual(await sent('--data', '@data.json'), { data: { n: 1 } })
    assert.equal((await line({}, 'signal', ID, 'go', '--data', '@nothing.json')).exit, 64)
    const gone = await line(
      {
        [`POST /runs/${ID}/pause`]: {
          status: 409,
          body: { type: 'urn:quorate:failure:conflict', detail: 'the run has ended' },
        },
      },
      'pause',
      ID,
      '--json',
    )
    assert.deepEqual([gone.exit, JSON.parse(gone.err[0] ?? '').error.message], [1, 'the run has ended'])
  })

  test('approve shows what is asked, answers the one that is open, refuses with a comment', async () => {
    const open = {
      approval: 'deploy',
      stage: 'deploy',
      question: 'Deploy now?',
      show: null,
      requested_at: 0,
      due: 1_060_000,
      default: 'refuse',
    }
    const list = { [`GET /runs/${ID}/approvals`]: { body: { items: [open] } } }
    const shown = await line(list, 'approve', ID)
    assert.deepEqual(shown.out, ['deploy  Deploy now?', '  in 1 min 0 s it is taken as: refuse'])
    const answered = await line(
      { ...list, [`POST /runs/${ID}/approvals/deploy`]: accepted },
      'approve',
      ID,
      'only',
      '--refuse',
      '--comment',
      'Friday',
    )
    assert.deepEqual([answered.exit, answered.asked[1]?.body], [0, { decision: 'refuse', comment: 'Friday' }])
    assert.match(answered.out[0] ?? '', /deploy of run_.* is refused/)
    assert.equal(
      (await line({ [`GET /runs/${ID}/approvals`]: { body: { items: [] } } }, 'approve', ID, 'only')).exit,
      1,
    )
    assert.equal(
      (await line({ [`GET /runs/${ID}/approvals`]: { body: { items: [open, open] } } }, 'approve', ID, 'only')).exit,
      64,
    )
  })

  test('fork prints the new id alone, and what was left out beside it', async () => {
    const route = `POST /runs/${ID}/fork`
    const one = await line(
      { [route]: forked },
      'fork',
      ID,
      '--before',
      'improve[2].write',
      '--definition',
      'edited.yaml',
      '-i',
      'tone=formal',
      '-i',
      'n:=3',
    )
    assert.deepEqual([one.exit, one.out], [0, [OTHER]])
    assert.deepEqual(one.asked[0]?.body, {
      before_stage: 'improve[2].write',
      definition: 'name: edited\n',
      inputs: { tone: 'formal', n: 3 },
    })
    assert.match(one.err.join('\n'), /first 12 events.*\n.*left out: event 9 task_finished \(a\/b#1\): finds no place/)
    assert.deepEqual(
      (await line({ [route]: forked }, 'fork', ID, '--at', '7', '--definition', 'review@1')).asked[0]?.body,
      { at: 7, definition: 'review@1' },
    )
    assert.equal((await line({}, 'fork', ID, '--at', '0')).exit, 64)
    assert.equal((await line({}, 'fork', ID, '--definition', 'gone.yaml')).exit, 64)
  })

  test('retry takes the named stage, or the innermost that failed first', async () => {
    const stage = (id: string, state: string, ended_at: number) => ({ id, state, ended_at })
    const run = {
      body: {
        stages: [
          stage('improve', 'failed', 20),
          stage('improve[1].write', 'failed', 20),
          stage('late', 'failed', 30),
          stage('a', 'completed', 1),
        ],
      },
    }
    const routes = { [`GET /runs/${ID}`]: run, [`POST /runs/${ID}/retry`]: forked }
    assert.deepEqual((await line(routes, 'retry', ID)).asked[1]?.body, { stage: 'improve[1].write' })
    assert.deepEqual((await line(routes, 'retry', ID, 'a')).asked[0]?.body, { stage: 'a' })
    const none = await line({ [`GET /runs/${ID}`]: { body: { stages: [] } } }, 'retry', ID)
    assert.deepEqual([none.exit, /no stage of the run has failed/.test(none.err.join())], [1, true])
  })

  test('replay and compare end with 1 when there is a difference, also with --json', async () => {
    const replayed = (identical: boolean) => ({
      [`GET /runs/${ID}/replay`]: {
        body: {
          run_id: ID,
          identical,
          events: 3,
          state_hash: 'sha256:1',
          first_difference: identical ? null : { seq: 4, stored: { type: 'x', data: { a: 1 } }, derived: null },
          row_differences: [],
        },
      },
    })
    assert.equal((await line(replayed(true), 'replay', ID)).exit, 0)
    const differs = await line(replayed(false), 'replay', ID)
    assert.deepEqual(
      [differs.exit, differs.out[2], differs.out[3]],
      [1, '    stored   x {"a":1}', '    derived  nothing'],
    )
    assert.equal((await line(replayed(false), 'replay', ID, '--json')).exit, 1)

    const cost = { calls: 1, input_tokens: 1, output_tokens: 1, unknown_usage: 0, duration_ms: 5 }
    const side = (state: string) => ({
      state,
      reason: '',
      metrics: null,
      agents: ['writer'],
      tokens: 2,
      duration_ms: 1_000,
      failed: 0,
    })
    const compared: Json = {
      a: ID,
      b: OTHER,
      same: false,
      parts_at: { what: 'stage', stage: 'write', detail: 'another output' },
      definition: {
        same: false,
        a: 'x',
        b: 'y',
        changes: [
          {
            change: 'changed',
            path: 'stages.write.tasks.a.instructions',
            stage: 'write',
            task: 'a',
            field: 'instructions',
            old: 'a',
            new: 'b',
          },
        ],
      },
      inputs: [{ name: 'tone', same: false, a: 'kind', b: null }],
      stages: [{ stage: 'write', kind: 'tasks', same: false, output_same: false, a: side('completed'), b: null }],
      decisions: [
        {
          stage: 'enough',
          kind: 'decide',
          a: { seq: 1, taken: 'case 1', then: ['x'], when: null, inputs: { n: 1 }, reason: 'r' },
          b: null,
        },
      ],
      status: { a: 'completed', b: 'failed' },
      result: { same: false, a: 'one', b: 'two' },
      cost: { a: cost, b: cost },
      left_out: { changes: 0, stages: 3, decisions: 0, inputs: 0 },
    }
    const routes = { [`GET /runs/${ID}/compare/${OTHER}`]: { body: compared } }
    const { exit, out } = await line(routes, 'compare', ID, OTHER)
    assert.equal(exit, 1)
    for (const text of [
      'They part at stage write: another output',
      '~ stages.write.tasks.a.instructions: "a" → "b"',
      'tone: kind → (none)',
      'b  none',
      'Not shown: 3 stages',
    ])
      assert.ok(out.join('\n').includes(text), `${text} in\n${out.join('\n')}`)
  })
})

describe('definitions', () => {
  test('list, versions, diff, put, restore', async () => {
    const items = { body: { items: [summary], next: null, total: 1 } }
    assert.match(
      (await line({ 'GET /definitions': items }, 'definitions', 'list')).out[1] ?? '',
      /^review@2 .* ann +better +sha256:aaaa/,
    )
    assert.equal(
      (await line({ 'GET /definitions/review/versions': items }, 'definitions', 'versions', 'review')).exit,
      0,
    )
    const change = {
      change: 'added',
      path: 'stages.b',
      stage: 'b',
      task: null,
      field: null,
      old: null,
      new: { id: 'b' },
    }
    const diff = (changes: Json[]) => ({
      'GET /definitions/review%401/diff/review': {
        body: { old: summary, new: summary, same: changes.length === 0, changes },
      },
    })
    const differs = await line(diff([change]), 'definitions', 'diff', 'review@1', 'review')
    assert.deepEqual([differs.exit, differs.out], [1, ['+ stages.b: {"id":"b"}']])
    assert.equal((await line(diff([]), 'definitions', 'diff', 'review@1', 'review')).exit, 0)
    const put = await line(
      { 'PUT /definitions': { body: summary } },
      'definitions',
      'put',
      'edited.yaml',
      '--note',
      'why',
    )
    assert.deepEqual([put.exit, put.asked[0]?.body], [0, { definition: 'name: edited\n', note: 'why' }])
    const restored = await line(
      { 'POST /definitions/review%401/restore': { body: summary } },
      'definitions',
      'restore',
      'review@1',
      '--note',
      'again',
    )
    assert.deepEqual([restored.exit, restored.asked[0]?.body], [0, { note: 'again' }])
  })

  test('plan prints nothing but the definition to standard output', async () => {
    const body: Json = {
      definition: {},
      yaml: 'name: planned\n',
      source: 'repaired',
      reason: 'passed at attempt 2',
      warnings: [{ message: 'no answer to failure' }],
      attempts: [{ attempt: 1, source: 'model', model: 'tiny', problems: ['wrong'], duration_ms: 1_500 }],
      stored: null,
    }
    const { exit, out, err, asked } = await line({ 'POST /plan': { body } }, 'plan', 'Say', 'hello', '--input', 'n:=2')
    assert.deepEqual(
      [exit, out, asked[0]?.body],
      [0, ['name: planned'], { goal: 'Say hello', inputs: { n: 2 }, save: false }],
    )
    assert.deepEqual(err, [
      'attempt 1 (tiny, 1.5 s): wrong',
      'warning no answer to failure',
      'repaired: passed at attempt 2',
    ])
  })

  test('save and templates', async () => {
    assert.deepEqual(
      (await line({ [`POST /runs/${ID}/save`]: { status: 201, body: summary } }, 'save', ID, 'review')).asked[0]?.body,
      { name: 'review', note: '' },
    )
    const template = {
      name: 'one',
      title: 'One',
      description: 'Does it.',
      inputs: { goal: {} },
      text: '# a comment\nname: one\n',
    }
    const routes = { 'GET /templates': { body: { items: [template] } } }
    assert.equal((await line(routes, 'templates')).out.length, 2)
    assert.deepEqual((await line(routes, 'templates', 'one')).out, ['# a comment\nname: one'])
    assert.equal((await line(routes, 'templates', 'two')).exit, 1)
  })
})

describe('completion', () => {
  const script = async (shell: string) => (await line({}, 'completion', shell)).out.join('\n')
  const spoken = (shell: string, args: string[], input = '') => spawnSync(shell, args, { input, encoding: 'utf8' })
  const has = (shell: string) => spawnSync(shell, ['-c', 'true']).status === 0

  test('bash completes commands, their commands, and options', { skip: !has('bash') }, async () => {
    const text = await script('bash')
    const complete = (...words: string[]) => {
      const asked = `${text}\nCOMP_WORDS=(quorate ${words.map((word) => `'${word}'`).join(' ')}); COMP_CWORD=${words.length}; _quorate; printf '%s\\n' "\${COMPREPLY[@]}"`
      const { stdout, stderr } = spoken('bash', ['--noprofile', '--norc'], asked)
      assert.equal(stderr, '')
      return stdout.trim().split('\n')
    }
    assert.deepEqual(complete('re'), ['resume', 'retry', 'replay', 'restore'])
    assert.deepEqual(complete('definitions', 're'), ['restore'])
    assert.deepEqual(complete('definitions', 'diff', 'a', '--j'), ['--json'])
    assert.deepEqual(complete('fork', 'last', '--be'), ['--before'])
    assert.deepEqual(complete('fork', 'last', 'nothing'), [''])
  })

  test('zsh reads its script', { skip: !has('zsh') }, async () => {
    const text = await script('zsh')
    const asked = `compdef() { :; }; _describe() { print -l "\${words_[@]}"; }\n${text}\nwords=(quorate definitions re); CURRENT=3; _quorate`
    const { stdout, stderr } = spoken('zsh', ['-f'], asked)
    assert.equal(stderr, '')
    assert.match(stdout, /^restore:make an old version/m)
  })

  test('fish completes what it is given', { skip: !has('fish') }, async () => {
    const text = await script('fish')
    const complete = (typed: string) => {
      writeFileSync(join(folder, 'asked.fish'), `${text}\ncomplete -C '${typed}'\n`)
      const { stdout, stderr } = spoken('fish', ['--no-config', join(folder, 'asked.fish')])
      assert.equal(stderr, '')
      return stdout
        .trim()
        .split('\n')
        .map((found) => found.split('\t')[0])
    }
    assert.deepEqual(complete('quorate repl'), ['replay'])
    assert.deepEqual(complete('quorate definitions re'), ['restore'])
    assert.deepEqual(complete('quorate fork last --be'), ['--before'])
  })

  test('another shell is refused', async () => assert.equal((await line({}, 'completion', 'cmd')).exit, 64))
})
