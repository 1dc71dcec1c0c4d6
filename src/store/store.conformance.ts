// over 400 lines because one suite is what a database must pass; it is read by its describe blocks, one for each noun
/**
 * What every store must do, whatever database is behind it. An implementation's test calls `conforms` with a way to open
 * a fresh place; `reopen` is the same place after the first store was closed.
 */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import type { Agent } from '../agents/agent.ts'
import type { Definition } from '../workflow/definition.ts'
import type { EventData, RunEvent, RunInput } from '../workflow/event.ts'
import { endedStatuses, runStatuses } from '../workflow/run-state.ts'
import type { Json } from '../workflow/value.ts'
import { readCursor } from './cursor.ts'
import type { RunFilter, RunRow, Store } from './store.ts'
import { StoreFailure } from './store-failure.ts'

export type Place = {
  open: (options?: { namespace?: string; now?: () => number }) => Promise<Store>
  remove: () => Promise<void>
}

export const aRun = (id: string, more: Partial<RunRow> = {}): RunRow => ({
  id,
  kind: 'workflow',
  goal: 'write a brief',
  definition: null,
  definition_name: null,
  status: 'queued',
  reason: 'accepted',
  parent: null,
  created_at: 1_000,
  started_at: null,
  ended_at: null,
  seq: 0,
  epoch: 0,
  mail: 0,
  input_tokens: 0,
  output_tokens: 0,
  unknown_usage: 0,
  calls: 0,
  ...more,
})

export const anEvent = (run: string, seq: number, data: Json = {}): RunEvent<'signal_received'> => ({
  run,
  seq,
  at: 1_000 + seq,
  type: 'signal_received',
  v: 1,
  cause: null,
  data: { name: 'x', data, by: 'test' },
})

const events = (run: string, from: number, to: number) =>
  Array.from({ length: to - from + 1 }, (_, i) => anEvent(run, from + i))

const mail = (data: Json = null): Omit<RunInput, 'mail'> => ({
  at: 5,
  type: 'signal_received',
  data: { name: 'go', data, by: 'test' },
})

const aDefinition = (name: string, description = ''): Definition => ({
  apiVersion: 'quorate/v1',
  name,
  description,
  stages: [{ id: 'only', kind: 'timer', for: '1s' }],
})

const by = { agent: 'writer', attempt: 1 }

/** JSON as it comes in from outside: any Unicode (halves of surrogate pairs and NUL too), odd keys, deep, any finite number. */
const json = fc.jsonValue({ noUnicodeString: false }).map((value) => JSON.parse(JSON.stringify(value)) as Json)
const oddText = fc.oneof(
  fc.string({ unit: 'binary' }),
  fc.string({ unit: 'grapheme' }),
  fc.constantFrom('', '\u0000', '\ud800', '%_\\', "'; drop table runs; --", '__proto__', '🧪'.repeat(500), 'İıß'),
)

export function conforms(name: string, place: () => Promise<Place>): void {
  const using = (body: (store: Store, place: Place) => Promise<void>) => async () => {
    const here = await place()
    try {
      const store = await here.open()
      try {
        await body(store, here)
      } finally {
        await store.close()
      }
    } finally {
      await here.remove()
    }
  }

  describe(`${name} keeps runs`, () => {
    it(
      'writes a run with its first events in one go, and refuses the same id again',
      using(async (store) => {
        const row = aRun('run_1', { goal: 'a\ngoal', seq: 2, parent: 'run_0', kind: 'swarm' })
        assert.deepEqual(await store.runs.create(row, events('run_1', 1, 2)), { ok: true, value: undefined })
        assert.deepEqual(await store.runs.get('run_1'), row)
        assert.deepEqual(await store.events.read('run_1', 0, 10), events('run_1', 1, 2))

        const again = await store.runs.create(aRun('run_1', { goal: 'another' }), events('run_1', 3, 3))
        assert.equal(again.ok ? '' : again.failure.kind, 'conflict')
        assert.equal((await store.runs.get('run_1'))?.goal, 'a\ngoal')
        assert.equal(await store.events.last_seq('run_1'), 2)
        assert.equal(await store.runs.get('run_2'), null)
        assert.equal(await store.events.last_seq('run_2'), 0)
      }),
    )

    it(
      'makes one run of fifty concurrent requests with one id',
      using(async (store) => {
        const results = await Promise.all(
          Array.from({ length: 50 }, (_, i) => store.runs.create(aRun('run_1', { goal: `${i}` }), [])),
        )
        assert.equal(results.filter((result) => result.ok).length, 1)
      }),
    )

    it(
      'pages through any filter without losing or repeating a run',
      using(async (store) => {
        const all: RunRow[] = []
        for (let i = 0; i < 60; i++) {
          const status = runStatuses[i % runStatuses.length] ?? 'queued'
          // Many share one instant: the id decides then.
          const row = aRun(`run_${String((i * 7) % 60).padStart(2, '0')}`, {
            created_at: 1_000 + Math.floor(i / 10),
            status,
            kind: i % 3 ? 'workflow' : 'swarm',
            goal: i % 4 ? `Goal ${i} ÄRGER 100%` : null,
            definition: i % 5 ? 'sha256:a' : null,
            definition_name: i % 5 ? 'Brief_Writer' : null,
            parent: i % 6 ? null : 'run_x',
          })
          all.push(row)
          await store.runs.create(row, [])
        }
        const filters: [Omit<RunFilter, 'limit'>, (row: RunRow) => boolean][] = [
          [{}, () => true],
          [{ status: [] }, () => true],
          [{ status: ['running'] }, (r) => r.status === 'running'],
          [
            { status: ['running', 'failed', 'running', 'queued'] },
            (r) => ['running', 'failed', 'queued'].includes(r.status),
          ],
          [{ kind: 'swarm' }, (r) => r.kind === 'swarm'],
          [
            { kind: 'workflow', status: ['completed', 'partial'] },
            (r) => r.kind === 'workflow' && ['completed', 'partial'].includes(r.status),
          ],
          [{ definition: 'sha256:a' }, (r) => r.definition !== null],
          [{ definition: 'Brief_Writer' }, (r) => r.definition !== null],
          [{ parent: 'run_x' }, (r) => r.parent === 'run_x'],
          [{ text: 'ärger' }, (r) => r.goal !== null],
          [{ text: '  GOAL\t1 ' }, (r) => /Goal.*1/.test(r.goal ?? '')],
          [{ text: 'brief_w' }, (r) => r.definition !== null],
          [{ text: '100%' }, (r) => r.goal !== null],
          [{ text: 'g_al' }, () => false],
          [
            { text: '%', status: ['failed', 'running'] },
            (r) => r.goal !== null && ['running', 'failed'].includes(r.status),
          ],
        ]
        const newestFirst = (a: RunRow, b: RunRow) => b.created_at - a.created_at || (b.id < a.id ? -1 : 1)
        for (const [filter, matches] of filters) {
          for (const order of ['newest', 'oldest'] as const) {
            const wanted = all
              .filter(matches)
              .sort(newestFirst)
              .map((row) => row.id)
            if (order === 'oldest') wanted.reverse()
            const seen: string[] = []
            let cursor: string | undefined
            let total: number | null | undefined
            do {
              const page = await store.runs.list({ ...filter, order, limit: 7, ...(cursor ? { cursor } : {}) })
              total ??= page.total
              seen.push(...page.items.map((row) => row.id))
              cursor = page.next ?? undefined
              assert.ok(page.items.length === 7 || page.next === null)
            } while (cursor)
            assert.deepEqual(seen, wanted, JSON.stringify({ filter, order }))
            if (total !== null) assert.equal(total, wanted.length)
          }
        }
        assert.equal((await store.runs.list({ limit: 0 })).items.length, 1)
        assert.equal((await store.runs.list({ limit: 1e9 })).items.length, 60)
        assert.equal((await store.runs.list({ text: 'x '.repeat(40_000), limit: 5 })).items.length, 0)
      }),
    )

    it(
      'answers a cursor that no list returned with an empty page',
      using(async (store) => {
        await store.runs.create(aRun('run_1'), [])
        for (const cursor of [
          '',
          'x',
          '[]',
          Buffer.from('[1,2]').toString('base64url'),
          'a'.repeat(10_000),
          Buffer.from('["a","b"]').toString('base64url'),
        ]) {
          assert.equal(readCursor(cursor).ok, false)
          assert.deepEqual(await store.runs.list({ limit: 5, cursor }), { items: [], next: null, total: null })
          assert.deepEqual(await store.definitions.list({ limit: 5, cursor }), { items: [], next: null, total: null })
        }
      }),
    )

    it(
      'counts by status and lists what has not ended, oldest first',
      using(async (store) => {
        for (const [i, status] of runStatuses.entries()) {
          await store.runs.create(
            aRun(`run_${i}`, { status, created_at: 1_000 - i, kind: i % 2 ? 'swarm' : 'workflow' }),
            [],
          )
        }
        assert.deepEqual(await store.runs.counts(), Object.fromEntries(runStatuses.map((status) => [status, 1])))
        assert.equal((await store.runs.counts('swarm')).planning, 1)
        assert.equal((await store.runs.counts('swarm')).queued, 0)
        const unfinished = await store.runs.unfinished()
        assert.deepEqual(
          unfinished.map((run) => run.status),
          runStatuses.filter((status) => !endedStatuses.includes(status)).reverse(),
        )
        assert.deepEqual(await store.runs.unfinished(['queued', 'completed']), [
          { id: 'run_0', status: 'queued', seq: 0 },
        ])
        assert.deepEqual(await store.runs.unfinished([]), [])
      }),
    )
  })

  describe(`${name} keeps events`, () => {
    it(
      'stores events of several runs, reads them after a number, and changes only what the row says',
      using(async (store) => {
        await store.runs.create(aRun('run_1', { goal: 'keep' }), [])
        await store.runs.create(aRun('run_2'), [])
        const { fenced } = await store.events.append([
          {
            run: 'run_1',
            epoch: 0,
            events: events('run_1', 1, 3),
            row: { status: 'running', started_at: 7, calls: 2, mail: 4 },
          },
          {
            run: 'run_2',
            epoch: 0,
            events: events('run_2', 1, 1),
            row: { definition: 'sha256:d', definition_name: 'Plan', seq: 1 },
          },
        ])
        assert.deepEqual(fenced, [])
        assert.deepEqual(
          await store.runs.get('run_1'),
          aRun('run_1', { goal: 'keep', status: 'running', started_at: 7, calls: 2, mail: 4, seq: 3 }),
        )
        assert.equal((await store.runs.get('run_2'))?.seq, 1)
        assert.deepEqual(
          (await store.runs.list({ limit: 5, text: 'plan' })).items.map((r) => r.id),
          ['run_2'],
        )
        assert.deepEqual(
          (await store.events.read('run_1', 1, 1)).map((e) => e.seq),
          [2],
        )
        assert.deepEqual(
          (await store.events.read('run_1', 1, 10)).map((e) => e.seq),
          [2, 3],
        )
        assert.deepEqual(await store.events.append([]), { fenced: [] })
        // A change of the row alone, back to nothing.
        await store.events.append([{ run: 'run_1', epoch: 0, events: [], row: { started_at: null } }])
        assert.equal((await store.runs.get('run_1'))?.started_at, null)
      }),
    )

    it(
      'takes a repeated batch once, and never lets an older one overwrite the row',
      using(async (store) => {
        await store.runs.create(aRun('run_1'), [])
        const first = {
          run: 'run_1',
          epoch: 0,
          events: events('run_1', 1, 2),
          row: { calls: 1, status: 'running' as const },
        }
        const second = {
          run: 'run_1',
          epoch: 0,
          events: events('run_1', 3, 4),
          row: { calls: 5, status: 'completed' as const },
        }
        await store.events.append([first])
        await store.events.append([second])
        const after = await store.runs.get('run_1')
        await store.events.append([first, second, first])
        await store.events.append([first])
        assert.deepEqual(await store.runs.get('run_1'), after)
        assert.equal(after?.calls, 5)
        assert.deepEqual(
          (await store.events.read('run_1', 0, 99)).map((e) => e.seq),
          [1, 2, 3, 4],
        )
        // An event that is there keeps its content; a writer that says otherwise is behind, and stores nothing.
        const other = [anEvent('run_1', 2, 'other'), anEvent('run_1', 3), anEvent('run_1', 4), anEvent('run_1', 5)]
        assert.deepEqual(await store.events.append([{ run: 'run_1', epoch: 0, events: other, row: { calls: 9 } }]), {
          fenced: ['run_1'],
        })
        assert.deepEqual((await store.events.read('run_1', 1, 9))[0], anEvent('run_1', 2))
        assert.deepEqual(await store.runs.get('run_1'), after)
      }),
    )

    it(
      'refuses a batch of an older epoch whole, and the others of the same call not',
      using(async (store) => {
        await store.runs.create(aRun('run_1'), [])
        await store.runs.create(aRun('run_2'), [])
        const taken = { run: 'run_1', epoch: 2, events: [], row: { calls: 0 } }
        assert.deepEqual(await store.events.append([taken]), { fenced: [] })
        assert.equal((await store.runs.get('run_1'))?.epoch, 2)
        const { fenced } = await store.events.append([
          { run: 'run_1', epoch: 1, events: events('run_1', 1, 2), row: { calls: 9 } },
          { run: 'run_2', epoch: 0, events: events('run_2', 1, 2), row: { calls: 1 } },
          { run: 'run_unknown', epoch: 0, events: events('run_unknown', 1, 1), row: {} },
        ])
        assert.deepEqual(fenced, ['run_1', 'run_unknown'])
        assert.deepEqual(await store.events.read('run_1', 0, 9), [])
        assert.deepEqual(await store.events.read('run_unknown', 0, 9), [])
        assert.equal((await store.runs.get('run_1'))?.calls, 0)
        assert.equal((await store.runs.get('run_2'))?.calls, 1)
        assert.deepEqual(
          await store.events.append([{ run: 'run_1', epoch: 2, events: events('run_1', 1, 1), row: {} }]),
          { fenced: [] },
        )
      }),
    )

    it(
      'stores nothing of a call in which one batch cannot be stored',
      using(async (store) => {
        await store.runs.create(aRun('run_1'), [])
        await store.runs.create(aRun('run_2'), [])
        await assert.rejects(
          store.events.append([
            { run: 'run_1', epoch: 0, events: events('run_1', 1, 2), row: { calls: 1 } },
            { run: 'run_2', epoch: 0, events: [], row: { calls: Number.NaN } },
          ]),
        )
        assert.deepEqual(await store.events.read('run_1', 0, 9), [])
        assert.equal((await store.runs.get('run_1'))?.calls, 0)
        assert.deepEqual(
          await store.events.append([{ run: 'run_1', epoch: 0, events: events('run_1', 1, 1), row: {} }]),
          { fenced: [] },
        )
      }),
    )

    it(
      'keeps every log gapless under concurrent writers',
      using(async (store) => {
        const runs = Array.from({ length: 20 }, (_, i) => `run_${i}`)
        for (const run of runs) await store.runs.create(aRun(run), [])
        await Promise.all(
          runs.map(async (run) => {
            for (let seq = 1; seq <= 20; seq += 2) {
              await store.events.append([{ run, epoch: 0, events: events(run, seq, seq + 1), row: { calls: seq + 1 } }])
            }
          }),
        )
        for (const run of runs) {
          assert.deepEqual(
            (await store.events.read(run, 0, 99)).map((e) => e.seq),
            Array.from({ length: 20 }, (_, i) => i + 1),
          )
          assert.equal((await store.runs.get(run))?.calls, 20)
        }
      }),
    )

    it(
      'tells watchers after the commit, once for many commits, and not for repeats',
      using(async (store) => {
        await store.runs.create(aRun('run_1'), [])
        await store.runs.create(aRun('run_2'), [])
        // What the two creations said is delivered before anybody watches.
        await new Promise((done) => setImmediate(done))
        const heard: string[] = []
        const stopOne = store.events.watch('run_1', (run) => heard.push(`one:${run}`))
        const all = Promise.withResolvers<void>()
        const stopAll = store.events.watch('*', (run) => {
          heard.push(`all:${run}`)
          if (run === 'run_2') all.resolve()
        })
        await store.events.append([{ run: 'run_1', epoch: 0, events: events('run_1', 1, 1), row: {} }])
        await store.events.append([{ run: 'run_1', epoch: 0, events: events('run_1', 1, 1), row: {} }])
        await store.events.append([{ run: 'run_1', epoch: 0, events: events('run_1', 2, 2), row: {} }])
        await store.events.append([{ run: 'run_2', epoch: 0, events: events('run_2', 1, 1), row: {} }])
        await all.promise
        assert.equal(heard.at(-1), 'all:run_2')
        assert.ok(heard.includes('one:run_1') && heard.includes('all:run_1'))
        assert.equal(heard.filter((line) => line === 'all:run_2').length, 1)

        stopOne()
        const more = Promise.withResolvers<void>()
        const stopMore = store.events.watch('run_1', () => more.resolve())
        const before = heard.filter((line) => line.startsWith('one:')).length
        await store.events.append([{ run: 'run_1', epoch: 0, events: events('run_1', 3, 3), row: {} }])
        await more.promise
        assert.equal(heard.filter((line) => line.startsWith('one:')).length, before)
        stopMore()
        stopAll()
        stopAll()
      }),
    )

    it(
      'gives back any JSON and any Unicode as it was',
      using(async (store) => {
        let n = 0
        await fc.assert(
          fc.asyncProperty(json, oddText, async (value, text) => {
            const run = `run_${n++}`
            const event: RunEvent<'task_finished'> = {
              run,
              seq: 1,
              at: 0,
              type: 'task_finished',
              v: 1,
              cause: null,
              data: { task: text, output: value } as EventData['task_finished'],
            }
            await store.runs.create(aRun(run, { goal: text, reason: text }), [event])
            assert.deepEqual(await store.events.read(run, 0, 2), [event])
            const row = await store.runs.get(run)
            // A column holds UTF-8, which has no half surrogate pairs.
            assert.equal(row?.goal, text.toWellFormed())
            assert.equal(row?.reason, text.toWellFormed())
            await store.inbox.put(run, text, mail(value))
            assert.deepEqual(await store.inbox.read(run, 0, 2), [{ ...mail(value), mail: 1 }])
            await store.effects.begin(run, run, text, by)
            await store.effects.done(run, value)
            assert.deepEqual(await store.effects.begin(run, run, text, by), { state: 'done', result: value })
            await store.meta.set(text, text)
            assert.equal(await store.meta.get(text), text.toWellFormed())
            await store.runs.list({ limit: 3, text, definition: text, parent: text })
            await store.definitions.get(text)
          }),
          { numRuns: 60 },
        )
      }),
    )

    it(
      'reads back numbers of any size that a foreign system reports',
      using(async (store) => {
        await store.runs.create(aRun('run_1'), [])
        await store.events.append([
          { run: 'run_1', epoch: 0, events: [], row: { input_tokens: 1e300, output_tokens: 2 ** 53 - 1 } },
        ])
        const row = await store.runs.get('run_1')
        assert.deepEqual([row?.input_tokens, row?.output_tokens], [Number.MAX_SAFE_INTEGER, Number.MAX_SAFE_INTEGER])
      }),
    )
  })

  describe(`${name} keeps the inbox`, () => {
    it(
      'numbers the mail of each run without a gap, and the same eid once, under concurrency',
      using(async (store) => {
        const numbers = await Promise.all(
          Array.from({ length: 60 }, (_, i) =>
            store.inbox.put(i % 2 ? 'run_1' : 'run_2', `e${Math.floor(i / 4)}`, mail(i)),
          ),
        )
        for (const run of ['run_1', 'run_2']) {
          const kept = await store.inbox.read(run, 0, 99)
          assert.deepEqual(
            kept.map((m) => m.mail),
            Array.from({ length: 15 }, (_, i) => i + 1),
          )
        }
        assert.equal(numbers[1], numbers[3])
        assert.equal(await store.inbox.put('run_1', 'e0', mail('other')), numbers[1])
        assert.deepEqual(
          (await store.inbox.read('run_1', 13, 1)).map((m) => m.mail),
          [14],
        )
      }),
    )

    it(
      'names the runs with mail that was not fed',
      using(async (store) => {
        await store.runs.create(aRun('run_2', { created_at: 2 }), [])
        await store.runs.create(aRun('run_1', { created_at: 1 }), [])
        await store.runs.create(aRun('run_done', { status: 'completed' }), [])
        await store.runs.create(aRun('run_empty'), [])
        for (const run of ['run_2', 'run_1', 'run_done']) await store.inbox.put(run, 'e', mail())
        assert.deepEqual(await store.inbox.waiting(), ['run_1', 'run_2'])
        await store.events.append([{ run: 'run_1', epoch: 0, events: events('run_1', 1, 1), row: { mail: 1 } }])
        assert.deepEqual(await store.inbox.waiting(), ['run_2'])
      }),
    )
  })

  describe(`${name} keeps definitions`, () => {
    it(
      'by content, with versions by name',
      using(async (store) => {
        const one = await store.definitions.put(aDefinition('brief', 'first'), 'ann', 'hello')
        const same = await store.definitions.put({ ...aDefinition('brief', 'first') }, 'bob', 'again')
        assert.deepEqual(same, one)
        assert.equal(one.version, 1)
        const two = await store.definitions.put(aDefinition('brief', 'second'), 'bob', '')
        const other = await store.definitions.put(aDefinition('Review.Ü'.replace('Ü', 'x')), 'bob', '')
        assert.deepEqual([two.version, other.version], [2, 1])
        assert.deepEqual(await store.definitions.get(one.hash), one)
        assert.deepEqual(await store.definitions.get('brief'), two)
        assert.deepEqual(await store.definitions.get('brief@1'), one)
        for (const wrong of [
          'brief@3',
          'brief@0',
          'brief@1.0',
          'brief@',
          '@',
          '',
          'nobody',
          'sha256:ab',
          'brief@99999999999999999999',
        ]) {
          assert.equal(await store.definitions.get(wrong), null, wrong)
        }
        assert.deepEqual(
          (await store.definitions.versions('brief')).map((d) => d.version),
          [2, 1],
        )
        assert.deepEqual(await store.definitions.versions('nobody'), [])
        const list = await store.definitions.list({ limit: 10 })
        assert.deepEqual(list.items.map((d) => `${d.name}@${d.version}`).sort(), ['Review.x@1', 'brief@2'])
        assert.equal(list.total, 2)
        assert.deepEqual(
          (await store.definitions.list({ limit: 10, text: 'SECOND brief' })).items.map((d) => d.name),
          ['brief'],
        )
        assert.deepEqual((await store.definitions.list({ limit: 10, text: 'first' })).items, [])
      }),
    )

    it(
      'an old version restored is the latest under a new number; the old numbers stay what they were',
      using(async (store) => {
        const one = await store.definitions.put(aDefinition('brief', 'first'), 'ann', '')
        const two = await store.definitions.put(aDefinition('brief', 'second'), 'ann', '')
        const back = await store.definitions.restore(one.hash, 'bob', 'the second was worse')
        assert.deepEqual(back && [back.hash, back.version, back.by, back.note], [
          one.hash,
          3,
          'bob',
          'the second was worse',
        ])
        assert.deepEqual(await store.definitions.get('brief'), back)
        assert.deepEqual(await store.definitions.get('brief@1'), one)
        assert.deepEqual(await store.definitions.get(one.hash), one)
        assert.deepEqual(await store.definitions.restore(one.hash, 'eve', 'again'), back, 'it is the latest already')
        assert.deepEqual(await store.definitions.put(aDefinition('brief', 'second'), 'ann', ''), two)
        assert.equal((await store.definitions.restore(two.hash, 'bob', ''))?.version, 4)
        assert.equal((await store.definitions.restore(one.hash, 'bob', ''))?.version, 5)
        assert.deepEqual(
          (await store.definitions.versions('brief')).map((d) => d.version),
          [5, 4, 3, 2, 1],
        )
        assert.equal((await store.definitions.list({ limit: 10 })).items.length, 1)
        const atOnce = await Promise.all(['ann', 'bob'].map((by) => store.definitions.restore(two.hash, by, '')))
        assert.deepEqual(
          atOnce.map((each) => each?.version),
          [6, 6],
          'two who restore at once make one version',
        )
        assert.equal(await store.definitions.restore(`sha256:${'0'.repeat(64)}`, 'bob', ''), null)
      }),
    )

    it(
      'page by page, and one version each under concurrent writers',
      using(async (store) => {
        const stored = await Promise.all(
          Array.from({ length: 30 }, (_, i) => store.definitions.put(aDefinition('plan', `${i % 10}`), 'x', '')),
        )
        assert.deepEqual(
          [...new Set(stored.map((d) => d.version))].sort((a, b) => a - b),
          Array.from({ length: 10 }, (_, i) => i + 1),
        )
        for (let i = 0; i < 9; i++) await store.definitions.put(aDefinition(`other_${i}`), 'x', '')
        const names: string[] = []
        let cursor: string | undefined
        do {
          const page = await store.definitions.list({ limit: 3, ...(cursor ? { cursor } : {}) })
          names.push(...page.items.map((d) => d.name))
          cursor = page.next ?? undefined
        } while (cursor)
        assert.deepEqual(names.sort(), ['plan', ...Array.from({ length: 9 }, (_, i) => `other_${i}`)].sort())
      }),
    )
  })

  describe(`${name} keeps the rest`, () => {
    it(
      'blobs under the hash of their bytes',
      using(async (store) => {
        const bytes = new Uint8Array(300_000).map((_, i) => i % 251)
        const hash = await store.blobs.put(bytes)
        assert.match(hash, /^sha256:[0-9a-f]{64}$/)
        assert.equal(await store.blobs.put(bytes), hash)
        const back = await store.blobs.get(hash)
        assert.deepEqual(back && new Uint8Array(back), bytes)
        assert.equal(
          await store.blobs.put(new Uint8Array(0)),
          'sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855',
        )
        assert.equal(await store.blobs.get('sha256:none'), null)
      }),
    )

    it(
      'agents',
      using(async (store) => {
        const agent = (id: string, created_at: number): Agent => ({
          id,
          name: id,
          type: 'model',
          system: 'command',
          description: '',
          role: 'röle 🧪',
          instructions: '',
          capabilities: ['a'],
          settings: { deep: { list: [1, null] } },
          concurrency: 1,
          timeout: '5m',
          source: 'api',
          draining: false,
          retired: false,
          created_at,
          updated_at: 0,
          hash: 'sha256:0',
        })
        await store.agents.put(agent('agt_b', 2))
        await store.agents.put(agent('agt_a', 3))
        await store.agents.put(agent('agt_c', 1))
        await store.agents.put({ ...agent('agt_b', 2), draining: true })
        const list = await store.agents.list()
        assert.deepEqual(list, [agent('agt_c', 1), { ...agent('agt_b', 2), draining: true }, agent('agt_a', 3)])
        assert.equal(await store.agents.remove('agt_c'), true)
        assert.equal(await store.agents.remove('agt_c'), false)
        assert.equal((await store.agents.list()).length, 2)
      }),
    )

    it(
      'effects: one of many begins, the first result stands, forgetting touches only what is pending',
      using(async (store) => {
        const begun = await Promise.all(
          Array.from({ length: 20 }, (_, i) => store.effects.begin('k', 'run_1', 't', { agent: `a${i}`, attempt: i })),
        )
        assert.equal(begun.filter((b) => b.state === 'new').length, 1)
        const winner = begun.findIndex((b) => b.state === 'new')
        assert.deepEqual(await store.effects.begin('k', 'run_1', 't', by), {
          state: 'pending',
          by: { agent: `a${winner}`, attempt: winner },
        })
        assert.deepEqual(await store.effects.get('k'), {
          state: 'pending',
          by: { agent: `a${winner}`, attempt: winner },
        })
        await store.effects.forget('k')
        assert.equal(await store.effects.get('k'), null)
        assert.deepEqual(await store.effects.begin('k', 'run_1', 't', by), { state: 'new' })
        await store.effects.done('k', { first: true })
        await store.effects.done('k', { first: false })
        await store.effects.forget('k')
        assert.deepEqual(await store.effects.begin('k', 'run_1', 't', by), { state: 'done', result: { first: true } })
        assert.deepEqual(await store.effects.get('k'), { state: 'done', result: { first: true } })
        // Declared not to have happened, and then it turns out that it did.
        await store.effects.begin('late', 'run_1', 't', by)
        await store.effects.forget('late')
        await store.effects.done('late', null)
        assert.deepEqual(await store.effects.begin('late', 'run_1', 't', by), { state: 'done', result: null })
      }),
    )

    it(
      'idempotency keys: one of fifty goes on, the answer is given again, another body is told apart, 30 days later all is forgotten',
      using(async (store) => {
        const day = 24 * 3_600_000
        const begun = await Promise.all(Array.from({ length: 50 }, () => store.idempotency.begin('k', 'f', 1_000)))
        assert.equal(begun.filter((b) => b.state === 'new').length, 1)
        assert.equal(begun.filter((b) => b.state === 'running').length, 49)
        assert.deepEqual(await store.idempotency.begin('k', 'other', 1_000), { state: 'mismatch' })
        await store.idempotency.finish('k', 202, { workflow_id: 'run_1' })
        const done = { state: 'done', status: 202, body: { workflow_id: 'run_1' } }
        assert.deepEqual(await store.idempotency.begin('k', 'f', 1_000 + 29 * day), done)
        await store.idempotency.abandon('k')
        assert.deepEqual(await store.idempotency.begin('k', 'f', 1_000 + 29 * day), done)
        assert.deepEqual(await store.idempotency.begin('k', 'other', 1_001 + 30 * day), { state: 'new' })
        await store.idempotency.abandon('k')
        assert.deepEqual(await store.idempotency.begin('k', 'f', 1_001 + 30 * day), { state: 'new' })
      }),
    )

    it(
      'idempotency keys: a request that died with its process is taken over once',
      using(async (store) => {
        assert.deepEqual(await store.idempotency.begin('k', 'f', 0), { state: 'new' })
        assert.deepEqual(await store.idempotency.begin('k', 'f', 100_000), { state: 'running' })
        assert.deepEqual(await store.idempotency.begin('k', 'f', 121_000), { state: 'new' })
        assert.deepEqual(await store.idempotency.begin('k', 'f', 121_001), { state: 'running' })
      }),
    )

    it(
      'small settings',
      using(async (store) => {
        assert.equal(await store.meta.get('a'), null)
        await store.meta.set('a', '1')
        await store.meta.set('a', '2')
        assert.equal(await store.meta.get('a'), '2')
      }),
    )

    it(
      'namespaces apart, and everything across a restart',
      using(async (store, place) => {
        const other = await place.open({ namespace: 'other' })
        for (const [which, s] of [
          ['mine', store],
          ['theirs', other],
        ] as const) {
          assert.equal((await s.runs.create(aRun('run_1', { goal: which }), events('run_1', 1, 1))).ok, true)
          assert.equal(await s.inbox.put('run_1', 'e', mail(which)), 1)
          assert.equal((await s.definitions.put(aDefinition('d', which), which, '')).version, 1)
          await s.meta.set('k', which)
          assert.deepEqual(await s.effects.begin('k', 'run_1', 't', by), { state: 'new' })
          assert.deepEqual(await s.idempotency.begin('k', which, 0), { state: 'new' })
        }
        const hash = await other.blobs.put(new Uint8Array([1]))
        assert.equal(await store.blobs.get(hash), null)
        await other.close()
        const again = await place.open({ namespace: 'other' })
        assert.equal((await again.runs.get('run_1'))?.goal, 'theirs')
        assert.equal((await again.runs.list({ limit: 9 })).items.length, 1)
        assert.equal((await again.runs.counts()).queued, 1)
        assert.equal((await again.runs.unfinished()).length, 1)
        assert.deepEqual(await again.inbox.waiting(), ['run_1'])
        assert.equal((await again.definitions.list({ limit: 9 })).total, 1)
        assert.equal(await again.meta.get('k'), 'theirs')
        assert.deepEqual(await again.events.read('run_1', 0, 9), events('run_1', 1, 1))
        await again.close()
      }),
    )

    it(
      'says how it is, and fails by name once closed',
      using(async (store) => {
        const health = await store.health()
        assert.equal(health.ok, true)
        assert.ok((health.size_bytes ?? 0) > 0)
        await store.close()
        await store.close()
        assert.equal((await store.health()).ok, false)
        for (const call of [
          () => store.runs.get('x'),
          () => store.events.append([{ run: 'x', epoch: 0, events: [], row: {} }]),
          () => store.meta.set('a', 'b'),
        ]) {
          await assert.rejects(call, (e) => e instanceof StoreFailure && e.failure.kind === 'unavailable')
        }
      }),
    )
  })
}
