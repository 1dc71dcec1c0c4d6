/** The same promises, kept by an embedded Quorate and by a server in another process. */
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { after, before, describe, test } from 'node:test'
import type { RunEvent } from '../workflow/event.ts'
import { isBlobRef } from '../workflow/value.ts'
import { connect, type Quorate } from './connect.ts'
import { defineAgent } from './define-agent.ts'
import { defineWorkflow } from './define-workflow.ts'
import { openQuorate } from './open-quorate.ts'
import { QuorateError } from './quorate-error.ts'
import { approval, decide, tasks, timer, vote, wait } from './stages.ts'

const agents = [
  defineAgent({
    name: 'counter',
    capabilities: ['counting'],
    input: { text: { type: 'text', required: true } },
    perform: ({ input }) => ({ words: input.text.split(' ').length }),
  }),
  defineAgent({ name: 'echo', perform: ({ input }) => input.text ?? null }),
  defineAgent({ name: 'breaker', perform: (_, { fail }) => fail('refused', 'it will not', { remedy: 'ask another' }) }),
  ...['x', 'y', 'x'].map((choice, n) =>
    defineAgent({ name: `voter_${n}`, capabilities: ['voting'], perform: () => ({ choice, reason: 'so' }) }),
  ),
]

const steered = defineWorkflow({
  name: 'steered',
  inputs: { text: { type: 'text', required: true }, most: { type: 'number', default: 3 } },
  stages: [
    tasks({
      id: 'count',
      tasks: [{ id: 'a', agent: 'counter', instructions: 'Count', input: { text: '=inputs.text' } }],
    }),
    tasks({ id: 'keep', tasks: [{ id: 'a', agent: 'echo', instructions: 'Say it', input: { text: '=inputs.text' } }] }),
    decide({ id: 'long', cases: [{ when: 'count.output.words > inputs.most', then: 'choose' }], otherwise: 'end' }),
    vote({ id: 'choose', question: 'Which?', options: ['x', 'y'], voters: 3, capability: 'voting' }),
    wait({ id: 'word', signal: 'go', timeout: '1m' }),
    approval({
      id: 'gate',
      question: 'Publish?',
      show: { winner: '=choose.winner' },
      timeout: '1m',
      default: 'refuse',
    }),
  ],
  output: { kept: '=keep.output', winner: '=choose.winner', said: '=word.output' },
})

const failing = defineWorkflow({
  name: 'failing',
  stages: [tasks({ id: 'only', tasks: [{ id: 'a', agent: 'breaker', instructions: 'Break' }] })],
})
const idle = defineWorkflow({ name: 'idle', stages: [wait({ id: 'never', signal: 'never', timeout: '1h' })] })

const isError = (kind: string, text: RegExp) => (error: unknown) =>
  error instanceof QuorateError && error.failure.kind === kind && text.test(error.message)

const folder = mkdtempSync(join(tmpdir(), 'q-'))
after(() => rmSync(folder, { recursive: true, force: true }))

/** A server of its own process, with the same agents; its end of standard input is its end. */
async function otherProcess() {
  const program = join(import.meta.dirname, 'quorate.test.ts')
  const child = spawn(process.execPath, [program, 'serve', join(folder, 'server')], {
    stdio: ['pipe', 'pipe', 'inherit'],
  })
  const [url] = (await once(createInterface(child.stdout), 'line')) as [string]
  return {
    quorate: await connect(url),
    stop: async () => {
      child.stdin.end()
      await once(child, 'exit')
    },
  }
}

async function thisProcess() {
  const quorate = await openQuorate({ data_dir: join(folder, 'embedded'), agents, models: false })
  return { quorate, stop: quorate.close }
}

if (process.argv[2] === 'serve') {
  const quorate = await openQuorate({ data_dir: process.argv[3] ?? '', agents, models: false })
  console.log(quorate.url)
  process.stdin.resume()
  await once(process.stdin, 'end')
  await quorate.close()
} else
  for (const [where, open] of [
    ['embedded', thisProcess],
    ['a server', otherProcess],
  ] as const)
    describe(where, () => {
      let quorate: Quorate
      let stop: () => Promise<void>
      before(async () => {
        ;({ quorate, stop } = await open())
      })
      after(() => stop())

      test('a run is followed, steered and gives its result', async () => {
        const text = 'many words '.repeat(1_000).trim()
        const run = await quorate.run(steered, { text })
        const seen: RunEvent[] = []
        for await (const event of run.events()) {
          seen.push(event)
          if (event.type === 'wait_started') await run.signal('go', { by: 'test' })
          if (event.type === 'approval_requested') {
            assert.deepEqual([event.data.approval, event.data.show], ['gate', { winner: 'x' }])
            await run.approve('gate', 'fine')
          }
        }
        assert.deepEqual(
          seen.map(({ seq }) => seq),
          seen.map((_, i) => i + 1),
        )
        const { status, output, run: view } = await run.result()
        assert.equal(status, 'completed')
        // 11 kB travel by reference, and are here all the same.
        const { kept, ...others } = output as { kept: unknown }
        assert.deepEqual(others, { winner: 'x', said: { by: 'test' } })
        assert.ok(kept === text, `${JSON.stringify(kept)}`.slice(0, 300))
        assert.equal(view.decisions.find(({ kind }) => kind === 'decide')?.when, 'count.output.words > inputs.most')
        const finished = seen.find((event) => event.type === 'stage_finished' && event.data.stage === 'keep')
        assert.ok(finished?.type === 'stage_finished' && isBlobRef(finished.data.output))
        assert.ok((await quorate.value(finished.data.output)) === text)

        const rest: number[] = []
        for await (const { seq } of quorate.attach(run.id).events({ after: seen.length - 2 })) rest.push(seq)
        assert.deepEqual(rest, [seen.length - 1, seen.length])
      })

      test('a run that fails is a result, not an error', async () => {
        const { status, reason } = await (await quorate.run(failing)).result()
        assert.equal(status, 'failed')
        assert.match(reason, /only/)
      })

      test('a run is cancelled, and waiting for it can be given up', async () => {
        const run = await quorate.run(idle)
        const given_up = AbortSignal.timeout(50)
        await assert.rejects(run.result({ signal: given_up }), isError('cancelled', /./))
        let events = 0
        for await (const event of run.events({ signal: AbortSignal.timeout(200) })) events += event.seq > 0 ? 1 : 0
        assert.ok(events > 0, 'aborting ends the events without an error')
        await run.cancel('enough')
        assert.equal((await run.result()).status, 'cancelled')
        await assert.rejects(run.signal('never'), isError('conflict', /has ended/))
      })

      test('a refusal fails the stage that asked', async () => {
        const asks = defineWorkflow({
          name: 'asks',
          stages: [approval({ id: 'gate', question: 'Go?', timeout: '1m', default: 'approve' })],
        })
        const run = await quorate.run(asks)
        for await (const event of run.events())
          if (event.type === 'approval_requested') await run.refuse(event.data.approval, 'no')
        assert.match((await run.result()).reason, /refused: no/)
      })

      test('a definition is stored, and runs by name and hash', async () => {
        const first = await quorate.save(
          defineWorkflow({ name: 'kept', stages: [timer({ id: 't', for: '1ms' })] }),
          'why',
        )
        const second = await quorate.save(defineWorkflow({ name: 'kept', stages: [timer({ id: 't', for: '2ms' })] }))
        assert.deepEqual([first.version, second.version], [1, 2])
        for (const reference of ['kept', 'kept@1', second.hash])
          assert.equal((await (await quorate.run(reference)).result()).status, 'completed', reference)
      })

      test('what cannot be done says why', async () => {
        await assert.rejects(quorate.run('nothing_like_it'), isError('not_found', /nothing_like_it/))
        await assert.rejects(quorate.run(steered as object as typeof idle), isError('invalid_input', /text is missing/))
        const missing = quorate.attach('run_00000000-0000-7000-8000-000000000000')
        await assert.rejects(missing.result(), isError('not_found', /there is no run/))
        await assert.rejects(missing.events()[Symbol.asyncIterator]().next(), isError('not_found', /there is no run/))
      })
    })

if (process.argv[2] !== 'serve') {
  test('opening says what is wrong', async () => {
    const [agent] = agents
    assert.ok(agent)
    await assert.rejects(openQuorate({ data_dir: folder, agents: [agent, agent] }), isError('conflict', /counter/))
    await assert.rejects(openQuorate({ data_dir: folder, port: 99_999 }), isError('invalid_input', /port/))
    await assert.rejects(openQuorate({ config: join(folder, 'none.yaml') }), isError('invalid_input', /no such file/))
    await assert.rejects(connect('localhost:8100'), isError('invalid_input', /http/))
    await assert.rejects(connect('http://127.0.0.1:1'), isError('unavailable', /127\.0\.0\.1:1/))
  })

  test('one data directory, one program; the next one goes on with its runs', async () => {
    const data_dir = join(folder, 'again')
    const first = await openQuorate({ data_dir, models: false })
    await assert.rejects(openQuorate({ data_dir, models: false }), isError('conflict', /runs already/))
    const { id } = await first.run(idle)
    await first.close()
    await using second = await openQuorate({ data_dir, models: false })
    const run = second.attach(id)
    await run.signal('never', 5)
    assert.deepEqual((await run.result()).output, 5)
  })
}
