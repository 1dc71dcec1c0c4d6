/** Newer versions of definitions and agents while runs are under way: what is predicted, what is done, what the log says. */
import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { mkdtempSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { promisify } from 'node:util'
import { createFunctions } from '../../src/agent-systems/function/function.ts'
import { agentInput } from '../../src/agents/agent.ts'
import { type Quorate, startQuorate } from '../../src/main.ts'
import type { RunUpgrade } from '../../src/operations/run-upgrade.ts'
import { type Definition, definitionSchema } from '../../src/workflow/definition.ts'
import type { RunEvent } from '../../src/workflow/event.ts'
import { hasEnded } from '../../src/workflow/run-state.ts'
import { quietLogger } from '../quiet-logger.ts'
import { replayAll } from '../replay-all.ts'
import { testConfiguration } from '../test-configuration.ts'
import { call, ROOT, removeFolder, until } from './running-product.ts'

type Upgraded = RunUpgrade & { done: boolean | null }

describe('upgrade', () => {
  const folder = mkdtempSync(join(tmpdir(), 'quorate-upgrade-'))
  let quorate: Quorate
  let names = 0
  const start = async (): Promise<void> => {
    const functions = createFunctions()
    functions.register('worker', (task) => `${task.agent_instructions}|${task.instructions}`)
    const started = await startQuorate(testConfiguration(folder), { logger: quietLogger, functions })
    if (!started.ok) throw new Error(started.failure.message)
    quorate = started.value
  }
  before(start)
  after(async () => {
    assert.deepEqual((await replayAll(quorate.store)).differences, [])
    await quorate.close()
    removeFolder(folder)
  })

  const addEditor = async (name: string): Promise<void> => {
    const input = agentInput.parse({
      name,
      system: 'function',
      settings: { function: 'worker' },
      instructions: 'Kindly',
    })
    assert.ok((await quorate.fleet.add(input, 'api')).ok)
  }
  /** draft, an approval, send: each task by the editor. */
  const review = (
    name: string,
    editor: string,
    more: { question?: string; tell?: true; send?: string } = {},
  ): Definition =>
    definitionSchema.parse({
      apiVersion: 'quorate/v1',
      name,
      stages: [
        { id: 'draft', kind: 'tasks', tasks: [{ id: 't', agent: editor, instructions: 'Draft.' }] },
        { id: 'gate', kind: 'approval', question: more.question ?? 'Go on?', timeout: '1h', default: 'refuse' },
        { id: 'send', kind: 'tasks', tasks: [{ id: 't', agent: editor, instructions: more.send ?? 'Send.' }] },
        ...(more.tell
          ? [{ id: 'tell', kind: 'tasks', tasks: [{ id: 't', agent: editor, instructions: 'Tell.' }] }]
          : []),
      ],
    }) as Definition
  const put = async (definition: Definition): Promise<string> =>
    (await quorate.store.definitions.put(definition, 'test', '')).hash
  /** A run that stands at its approval. */
  const parked = async (definition: string): Promise<string> => {
    const run = await quorate.runs.start({ kind: 'workflow', goal: null, definition, inputs: {}, by: 'test' })
    assert.ok(run.ok)
    await until(
      () => quorate.store.runs.get(run.value.run),
      (row) => row?.status === 'waiting',
    )
    return run.value.run
  }
  const approve = async (run: string): Promise<RunEvent[]> => {
    await call(quorate, 'POST', `/runs/${run}/approvals/gate`, { decision: 'approve' })
    await until(
      () => quorate.store.runs.get(run),
      (row) => row !== null && hasEnded(row.status),
    )
    return quorate.store.events.read(run, 0, 1_000)
  }
  const upgrade = async (input: object): Promise<Upgraded[]> => {
    const { status, body } = await call(quorate, 'POST', '/runs/upgrade', input)
    assert.equal(status, 200, JSON.stringify(body))
    return body['items'] as Upgraded[]
  }
  const of = <T extends RunEvent['type']>(events: RunEvent[], type: T): RunEvent<T>[] =>
    events.filter((event): event is RunEvent<T> & RunEvent => event.type === type)
  const fresh = async (): Promise<{ name: string; editor: string; old: string }> => {
    const [name, editor] = [`review_${++names}`, `editor_${names}`]
    await addEditor(editor)
    return { name, editor, old: await put(review(name, editor)) }
  }

  test('a stage that comes later: predicted and nothing done, then migrated, and it is run', async () => {
    const { name, editor, old } = await fresh()
    const runs = [await parked(old), await parked(old), await parked(old)]
    const [untouched] = await upgrade({ dry_run: true, definition: name })
    assert.equal(untouched?.verdict, 'continues')
    const hash = await put(review(name, editor, { tell: true }))
    for (let again = 0; again < 2; again++) {
      const seen = await upgrade({ dry_run: true, definition: name })
      assert.deepEqual(
        seen.map(({ run_id, verdict, from, to, done }) => ({
          run_id,
          verdict,
          from: from?.version,
          to: to?.version,
          done,
        })),
        runs.map((run_id) => ({ run_id, verdict: 'migrated', from: 1, to: 2, done: null })),
      )
    }
    const shown = await promisify(execFile)(process.execPath, [
      ...[join(ROOT, 'bin/quorate.mjs'), 'upgrade', '--dry-run', '--definition', name, '--server', quorate.url],
    ])
    assert.match(shown.stdout, new RegExp(`${runs[0]} +${name}@1 +${name}@2 +migrated`))
    assert.match(shown.stderr, /0 continue, 3 would be migrated, 0 would stay pinned/)

    const [only] = await upgrade({ run: [runs[0]] })
    assert.deepEqual([only?.run_id, only?.verdict, only?.done], [runs[0], 'migrated', true])
    const all = await upgrade({ definition: name })
    assert.deepEqual(
      all.map(({ verdict, done }) => [verdict, done]),
      [
        ['continues', true],
        ['migrated', true],
        ['migrated', true],
      ],
    )
    for (const run of runs) {
      assert.equal((await quorate.store.runs.get(run))?.definition, hash)
      const events = await approve(run)
      assert.deepEqual(
        of(events, 'definition_changed').map(({ data }) => data),
        [{ definition: hash, from: old, by: 'local' }],
      )
      const end = of(events, 'run_finished')[0]
      assert.deepEqual([end?.data.status, end?.data.output], ['completed', 'Kindly|Tell.'])
    }
    const { body } = await call(quorate, 'POST', `/runs/${runs[0]}/fork`, { before_stage: 'send' })
    const forked = await until(
      () => quorate.store.runs.get(String(body['run_id'])),
      (row) => row !== null && hasEnded(row.status),
    )
    assert.deepEqual([forked?.status, forked?.definition], ['completed', hash])
  })

  test('an open question that is worded otherwise: pinned, and the field is named', async () => {
    const { name, editor, old } = await fresh()
    const run = await parked(old)
    await put(review(name, editor, { question: 'Really?' }))
    for (const dry_run of [true, false]) {
      const [seen] = await upgrade({ dry_run, definition: name })
      assert.deepEqual([seen?.verdict, seen?.stage, seen?.field], ['pinned', 'gate', 'question'], JSON.stringify(seen))
    }
    const events = await approve(run)
    assert.deepEqual(of(events, 'definition_changed'), [])
    assert.equal(of(events, 'run_finished')[0]?.data.output, 'Kindly|Send.')
  })

  test('a run that moved on between the look and the change stays, and its log says so', async () => {
    const { name, editor, old } = await fresh()
    const run = await parked(old)
    const hash = await put(review(name, editor, { question: 'Really?' }))
    // As if it had been predicted before the run came to its approval.
    const sent = await quorate.runs.send(run, 'late', {
      type: 'definition_changed',
      data: { definition: hash, from: old, by: 'test' },
    })
    assert.ok(sent.ok)
    const events = await approve(run)
    const [kept] = of(events, 'definition_kept')
    assert.match(kept?.data.reason ?? '', /gate has gone on.*question was changed/)
    assert.equal(of(events, 'run_started')[0]?.data.definition, old)
    assert.equal(of(events, 'run_finished')[0]?.data.status, 'completed')
  })

  test('instructions of an agent under a parked run: predicted, used from the next task on, and in the log', async () => {
    const { name, editor, old } = await fresh()
    const run = await parked(old)
    const [before] = await quorate.store.events.read(run, 0, 1)
    assert.ok(before?.type === 'run_started')
    const bound = before.data.agents?.[editor]
    assert.match(bound ?? '', /^sha256:/)
    assert.ok((await quorate.fleet.change(editor, { instructions: 'Firmly' })).ok)
    const now = (await quorate.fleet.get(editor))?.hash
    const [seen] = await upgrade({ dry_run: true, definition: name })
    assert.equal(seen?.verdict, 'continues')
    assert.deepEqual(
      seen?.changed.map(({ what, name: agent, from, to }) => [what, agent, from, to]),
      [['agent', editor, bound, now]],
    )
    const events = await approve(run)
    assert.deepEqual(
      of(events, 'agent_changed').map(({ data }) => data),
      [{ agent: editor, task: 'send/t', what: 'agent', from: bound, to: now }],
    )
    assert.deepEqual(
      of(events, 'task_finished').map(({ data }) => [data.output, data.agent_hash]),
      [
        ['Kindly|Draft.', bound],
        ['Firmly|Send.', now],
      ],
    )
  })

  test('an agent that is gone is named, as is a run that does not exist', async () => {
    const { name, editor, old } = await fresh()
    const run = await parked(old)
    assert.ok((await quorate.fleet.remove(editor, { force: true })).ok)
    const [seen] = await upgrade({ dry_run: true, definition: name })
    assert.deepEqual(
      seen?.changed.map(({ what, name: agent, to }) => [what, agent, to]),
      [['agent', editor, null]],
    )
    const events = await approve(run)
    assert.equal(of(events, 'run_finished')[0]?.data.status, 'failed')
    assert.equal((await call(quorate, 'POST', '/runs/upgrade', { run: ['run_x'] })).status, 404)
    assert.equal((await upgrade({ run: [run] }))[0]?.reason, 'it has ended')
  })

  test('pages: every live run once, oldest first', async () => {
    const { name, editor, old } = await fresh()
    const runs: string[] = []
    for (let i = 0; i < 5; i++) runs.push(await parked(old))
    await put(review(name, editor, { send: 'Send it.' }))
    const seen: string[] = []
    for (let cursor: unknown; cursor !== null; ) {
      const { body } = await call(quorate, 'POST', '/runs/upgrade', {
        definition: name,
        limit: 2,
        ...(cursor ? { cursor } : {}),
      })
      const items = body['items'] as Upgraded[]
      assert.ok(items.length <= 2 && items.every(({ verdict }) => verdict === 'migrated'))
      seen.push(...items.map(({ run_id }) => run_id))
      cursor = body['next']
    }
    assert.deepEqual(seen, runs)
  })
})
