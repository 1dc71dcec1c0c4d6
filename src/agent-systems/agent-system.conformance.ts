/**
 * What every agent system has to keep (duties A1 to A6 of the contract), as one suite that each adapter's test calls.
 * What an adapter cannot do is written down there with its reason, and shows up as a skipped test.
 */
import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { type FailureKind, fail, failureKinds, ok, type Result } from '../failure.ts'
import type { Json } from '../workflow/value.ts'
import type { AgentHandle, AgentSystem, AgentSystemContext, AgentTask, Performed, Progress } from './agent-system.ts'
import { guardedFetch } from './outbound-guard.ts'

/** The value behind `env:TOKEN` in every scene. */
export const SECRET = 's3cr3t-token-0451'

/** A world in which the agent system works: its settings, what is around it, what it is asked. */
export type Scene = {
  settings: unknown
  context?: Partial<AgentSystemContext>
  task?: Partial<AgentTask>
  close?: () => Promise<void>
}

/** What is not tested, and why it cannot be. */
export type Cannot = { cannot: string }
type Case<More = unknown> = (() => (Scene & More) | Promise<Scene & More>) | Cannot

export type Cases = {
  succeeds: Case<{ output: Json; model?: string }>
  /** The agent reports no tokens. */
  tokens_unknown: Case
  /** The agent reports these. */
  tokens_known: Case<{ input_tokens: number; output_tokens: number }>
  schema_kept: Case<{ output: Json }>
  schema_broken: Case
  /**
   * Work that does not end by itself. `started` resolves when the outside is at it; `ended` says whether it still is,
   * asked the moment perform has settled.
   */
  endless: Case<{ started: (progress: () => Progress[]) => Promise<void>; ended: () => boolean | Promise<boolean> }>
  /** The adapter's own time limit is over before the work is. */
  own_time_out: Case
  unreachable: Case
  garbage: Case
  too_large: Case
  /** The agent tells the secret `env:TOKEN` (see {@link SECRET}) in an answer, and in a failure. */
  tells_secret: Case<{ outcome: 'succeeds' | 'fails' }>[] | Cannot
  secret_missing: Case
  /** Takes any input. */
  odd_input: Case
  concurrent: Case<{ taskOf: (n: number) => Partial<AgentTask>; outputOf: (n: number) => Json }>
  healthy: Case
  unhealthy: Case
}

export function exampleTask(more: Partial<AgentTask> = {}): AgentTask {
  return {
    run: 'run_0190',
    task: 'gather/read',
    attempt: 1,
    goal: 'Know more',
    role: 'a careful reader',
    agent_instructions: 'Be brief.',
    instructions: 'Read the text.',
    input: { text: 'Grüße' },
    output_schema: null,
    max_output_tokens: null,
    effect_key: 'key-1',
    ...more,
  }
}

export function conforms<Settings>(system: AgentSystem<Settings>, cases: Cases): void {
  describe(`${system.name} conforms to agent-system-v1`, () => {
    it('has a name, a title and settings that refuse an unknown field by name', async (t) => {
      assert.match(system.name, /^[a-z][a-z0-9_]*$/)
      assert.ok(system.title)
      if (!('cannot' in cases.succeeds)) {
        const { settings, close } = await cases.succeeds()
        t.after(close ?? (() => {}))
        const parsed = system.settings.safeParse({ ...(settings as object), nonsense: 1 })
        assert.match(parsed.error?.message ?? '', /nonsense/)
      }
    })

    check('succeeds', cases.succeeds, async (stage, { output, model }) => {
      const value = performed(await stage.perform())
      assert.deepEqual(value.output, output)
      if (model) assert.equal(value.model, model)
    })
    check('A3: tokens that nobody reports are null', cases.tokens_unknown, async (stage) => {
      const { usage } = performed(await stage.perform())
      assert.equal(usage.input_tokens, null)
      assert.equal(usage.output_tokens, null)
    })
    check('A3: tokens that are reported arrive', cases.tokens_known, async (stage, { input_tokens, output_tokens }) => {
      const { usage } = performed(await stage.perform())
      assert.deepEqual(usage, { input_tokens, output_tokens, calls: 1 })
    })
    check('honours the output schema', cases.schema_kept, async (stage, { output }) => {
      assert.deepEqual(performed(await stage.perform()).output, output)
    })
    check('says output_invalid when the schema is broken', cases.schema_broken, async (stage) => {
      failed(await stage.perform(), ['output_invalid'])
    })

    for (const [title, reason, kind] of [
      ['A2: cancel ends the outside work', undefined, 'cancelled'],
      ['A2: the time limit of the caller ends the outside work', new DOMException('over', 'TimeoutError'), 'timeout'],
    ] as const) {
      check(title, cases.endless, async (stage, { started, ended }) => {
        const cancel = new AbortController()
        const performing = stage.perform({}, cancel.signal)
        await started(() => stage.progress)
        cancel.abort(reason)
        failed(await performing, [kind])
        assert.equal(await ended(), true, 'the outside work goes on')
      })
    }
    check('does nothing when cancelled before', cases.succeeds, async (stage) => {
      failed(await stage.perform({}, AbortSignal.abort()), ['cancelled'])
    })
    check('keeps its own time limit', cases.own_time_out, async (stage) => {
      failed(await stage.perform(), ['timeout'])
    })
    check('says unavailable when nothing is there', cases.unreachable, async (stage) => {
      const failure = failed(await stage.perform(), ['unavailable'])
      assert.ok(failure.remedy, 'a remedy is missing')
    })
    check('says output_invalid for garbage', cases.garbage, async (stage) => {
      failed(await stage.perform(), ['output_invalid'])
    })
    check('says limit_exceeded for an answer without end', cases.too_large, async (stage) => {
      failed(await stage.perform(), ['limit_exceeded'])
    })

    if ('cannot' in cases.tells_secret) check('A6: hides secrets', cases.tells_secret, async () => {})
    else {
      for (const [index, scene] of cases.tells_secret.entries()) {
        check(`A6: hides secrets (${index + 1})`, scene, async (stage, { outcome }) => {
          const result = await stage.perform()
          assert.equal(result.ok, outcome === 'succeeds', JSON.stringify(result))
          const seen = JSON.stringify([result, stage.progress, await stage.handle.check(AbortSignal.timeout(5_000))])
          assert.ok(!seen.includes(SECRET), `the secret is in ${seen}`)
        })
      }
    }
    check('names the setting whose secret is missing', cases.secret_missing, async (stage) => {
      assert.match(failed(await stage.perform(), ['invalid_input']).field ?? '', /^settings\./)
    })

    check('A1: never throws, whatever the input', cases.odd_input, async (stage) => {
      const fine = async (task: Partial<AgentTask>) => {
        const result = await stage.perform(task)
        if (!result.ok)
          assert.ok(
            failureKinds.includes(result.failure.kind) && result.failure.kind !== 'internal',
            result.failure.message,
          )
      }
      // Any UTF-16 unit, half surrogates and NUL too.
      const text = fc.string({ unit: fc.integer({ min: 0, max: 0xffff }).map((code) => String.fromCharCode(code)) })
      const input = fc.dictionary(fc.oneof(text, fc.constant('__proto__')), fc.jsonValue(), { maxKeys: 4 })
      await fc.assert(
        fc.asyncProperty(input, text, text, (values, instructions, role) =>
          fine({ input: values as AgentTask['input'], instructions, role }),
        ),
        { numRuns: 15 },
      )
      await fine({ input: { text: 'ab\u{1f600}\ud800\0'.repeat(200_000) }, instructions: 'x'.repeat(1_000_000) })
      let deep: Json = []
      for (let n = 0; n < 20_000; n++) deep = [deep]
      await fine({ input: { deep } })
    })
    check('keeps 20 tasks at once apart', cases.concurrent, async (stage, { taskOf, outputOf }) => {
      const numbers = Array.from({ length: 20 }, (_, n) => n)
      const results = await Promise.all(numbers.map((n) => stage.perform({ effect_key: `key-${n}`, ...taskOf(n) })))
      assert.deepEqual(
        results.map((result) => performed(result).output),
        numbers.map(outputOf),
      )
    })
    check('is healthy when it can work', cases.healthy, async ({ handle }) => {
      const health = await handle.check(AbortSignal.timeout(5_000))
      assert.equal(health.ok, true, health.detail)
    })
    check('is unhealthy, and says why, when it cannot', cases.unhealthy, async ({ handle }) => {
      const health = await handle.check(AbortSignal.timeout(5_000))
      assert.equal(health.ok, false)
      assert.ok(health.detail)
    })
  })

  function check<More>(
    title: string,
    make: Case<More>,
    run: (stage: Stage, scene: Scene & More) => Promise<void>,
  ): void {
    if ('cannot' in make) {
      it(title, { skip: make.cannot }, () => {})
      return
    }
    it(title, async (t) => {
      const scene = await make()
      const work_dir = await mkdtemp(join(tmpdir(), 'agent-system-'))
      const stage = open(system, scene, work_dir)
      t.after(async () => {
        await stage.handle.close()
        await scene.close?.()
        await rm(work_dir, { recursive: true, force: true })
      })
      await run(stage, scene)
    })
  }
}

type Stage = {
  handle: AgentHandle
  /** All that was reported so far. */
  progress: Progress[]
  perform: (task?: Partial<AgentTask>, signal?: AbortSignal) => Promise<Result<Performed>>
}

function open<Settings>(system: AgentSystem<Settings>, scene: Scene, work_dir: string): Stage {
  const context: AgentSystemContext = {
    gateway: noGateway,
    fetch: guardedFetch({ allow: ['127.0.0.1'] }),
    secret: (reference) => (reference === 'env:TOKEN' ? ok(SECRET) : fail('invalid_input', `${reference} is not set`)),
    work_dir,
    ...scene.context,
  }
  const opened = system.open(system.settings.parse(scene.settings), context)
  assert.ok(opened.ok, 'the scene does not open')
  const handle = opened.value
  const progress: Progress[] = []
  const report = (one: Progress) => void progress.push(one)
  const never = new AbortController().signal
  return {
    handle,
    progress,
    perform: (task, signal = never) =>
      handle.perform(exampleTask({ ...scene.task, ...task }), { signal, progress: report }),
  }
}

/** Stands in for the model gateway where an adapter has no business with it. */
const noGateway: AgentSystemContext['gateway'] = {
  complete: async () => fail('internal', 'this adapter was not expected to ask a model'),
  hosts: async () => [],
  default_model: () => ({ id: null, reason: 'none in this test' }),
  close: async () => {},
}

export function performed(result: Result<Performed>): Performed {
  assert.ok(result.ok, JSON.stringify(result))
  return result.value
}

export function failed(result: Result<unknown>, kinds: FailureKind[]) {
  assert.ok(!result.ok, `it was expected to fail: ${JSON.stringify(result)}`)
  assert.ok(kinds.includes(result.failure.kind), `${result.failure.kind}: ${result.failure.message}`)
  assert.ok(result.failure.message)
  return result.failure
}
