import assert from 'node:assert/strict'
import { get, type IncomingMessage } from 'node:http'
import { after, before, test } from 'node:test'
import type { RunEvent } from '../workflow/event.ts'
import { streams } from './event-stream.ts'
import { append, type Door, openDoor } from './stand-ins.ts'

let door: Door
before(async () => {
  door = await openDoor({ timing: { heartbeat_ms: 50 } })
})
after(() => door.close())

const newRun = async (): Promise<string> => {
  const started = await door.parts.context.runs.start({
    kind: 'workflow',
    goal: 'watch me',
    definition: null,
    inputs: {},
    by: 'test',
  })
  assert.ok(started.ok)
  return started.value.run
}
const paused = (reason: string) => ({ type: 'run_paused', data: { reason, by: 'test' } }) as const
const finished = {
  type: 'run_finished',
  data: { status: 'completed', reason: 'done', output: null, success: [] },
} satisfies Pick<RunEvent<'run_finished'>, 'type' | 'data'>
const end = (run: string) => append(door.store, run, [finished], { status: 'completed', reason: 'done', ended_at: 1 })

type Message = { id: string; event: string; data: string; comment: boolean }

/** A client that hands out messages as they come. */
async function listen(path: string, headers: Record<string, string> = {}) {
  const answer = await new Promise<IncomingMessage>((resolve, reject) =>
    get(door.url + path, { headers }, resolve).on('error', reject),
  )
  async function* messages(): AsyncGenerator<Message> {
    let text = ''
    for await (const chunk of answer) {
      text += chunk
      for (let at = text.indexOf('\n\n'); at >= 0; at = text.indexOf('\n\n')) {
        const lines = text.slice(0, at).split('\n')
        text = text.slice(at + 2)
        const field = (name: string) => lines.find((line) => line.startsWith(`${name}: `))?.slice(name.length + 2) ?? ''
        if (field('retry') === '')
          yield {
            id: field('id'),
            event: field('event'),
            data: field('data'),
            comment: lines[0]?.startsWith(':') ?? false,
          }
      }
    }
  }
  return { answer, messages: messages() }
}

async function take(messages: AsyncGenerator<Message>, n: number): Promise<Message[]> {
  const taken: Message[] = []
  while (taken.length < n) {
    const { value, done } = await messages.next()
    if (done === true) break
    if (!value.comment) taken.push(value)
  }
  return taken
}

const until = async (condition: () => boolean) => {
  while (!condition()) await new Promise((resolve) => setImmediate(resolve))
}
const openStreams = async () =>
  Number(/quorate_event_streams (\d+)/.exec(await (await fetch(`${door.url}/metrics`)).text())?.[1])

test('history, then live, then the end, each event once and in order', async () => {
  const run = await newRun()
  await append(door.store, run, [paused('1'), paused('2')])
  const { answer, messages } = await listen(`/runs/${run}/events`, { accept: 'text/event-stream' })
  assert.equal(answer.headers['content-type'], 'text/event-stream; charset=utf-8')
  assert.deepEqual(
    (await take(messages, 3)).map(({ id, event }) => [id, event]),
    [
      ['1', 'run_started'],
      ['2', 'run_paused'],
      ['3', 'run_paused'],
    ],
  )
  await append(door.store, run, [paused('live')])
  const [live] = await take(messages, 1)
  assert.equal(JSON.parse(live?.data ?? '').data.reason, 'live')
  await end(run)
  const rest = await take(messages, 10)
  assert.deepEqual(
    rest.map(({ id, event }) => [id, event]),
    [
      ['5', 'run_finished'],
      ['', 'end'],
    ],
  )
  assert.deepEqual(JSON.parse(rest[1]?.data ?? ''), { run, status: 'completed', reason: 'done' })
})

test('E1: a client that reconnects at any event misses none and gets none twice, also across pages', async () => {
  const run = await newRun()
  await append(
    door.store,
    run,
    Array.from({ length: 250 }, (_, i) => paused(String(i))),
  )
  await end(run)
  for (const last of [0, 1, 99, 100, 101, 250]) {
    const { messages } = await listen(`/runs/${run}/events`, {
      accept: 'text/event-stream',
      'last-event-id': String(last),
    })
    const got = await take(messages, 1_000)
    assert.equal(got.at(-1)?.event, 'end')
    assert.deepEqual(
      got.slice(0, -1).map(({ id }) => Number(id)),
      Array.from({ length: 252 - last }, (_, i) => last + 1 + i),
    )
  }
})

test('events written while the history is read arrive once', async () => {
  const run = await newRun()
  const writing = (async () => {
    for (let i = 0; i < 60; i++) await append(door.store, run, [paused(String(i)), paused(`${i}b`)])
    await end(run)
  })()
  const { messages } = await listen(`/runs/${run}/events?stream=1&after=0`)
  const got = await take(messages, 1_000)
  await writing
  assert.deepEqual(
    got.slice(0, -1).map(({ id }) => Number(id)),
    Array.from({ length: 122 }, (_, i) => i + 1),
  )
})

test('a browser that reconnects after the end is told to stop', async () => {
  const run = await newRun()
  await end(run)
  const { answer } = await listen(`/runs/${run}/events`, { accept: 'text/event-stream', 'last-event-id': '2' })
  assert.equal(answer.statusCode, 204)
})

test('a stream of a run that ended before `after` ends at once', async () => {
  const run = await newRun()
  await end(run)
  const { messages } = await listen(`/runs/${run}/events?stream=1&after=2`)
  assert.deepEqual(
    (await take(messages, 5)).map(({ event }) => event),
    ['end'],
  )
})

test('silence is filled with comments', async () => {
  const { messages } = await listen(`/runs/${await newRun()}/events?stream=1&after=1`)
  const { value } = await messages.next()
  assert.equal(value?.comment, true)
})

test('E3: a client that goes away frees its place', async () => {
  const before = await openStreams()
  const clients = await Promise.all(
    Array.from({ length: 5 }, async () => listen(`/runs/${await newRun()}/events?stream=1`)),
  )
  assert.equal(await openStreams(), before + 5)
  for (const { answer } of clients) answer.destroy()
  while ((await openStreams()) > before) await new Promise((resolve) => setImmediate(resolve))
})

test('changes of all runs', async () => {
  const { messages } = await listen('/events')
  const run = await newRun()
  const [started] = await take(messages, 1)
  assert.equal(started?.event, 'run')
  assert.equal(JSON.parse(started?.data ?? '').id, run)
  await end(run)
  const [ended] = await take(messages, 1)
  assert.equal(JSON.parse(ended?.data ?? '').status, 'completed')
})

test('wrong places to begin and unknown runs are refused', async () => {
  const run = await newRun()
  assert.equal((await listen(`/runs/${run}/events?stream=1&after=x`)).answer.statusCode, 400)
  assert.equal((await listen(`/runs/${run}/events?stream=1`, { 'last-event-id': '-1' })).answer.statusCode, 400)
  assert.equal((await listen('/runs/run_nope/events?stream=1')).answer.statusCode, 404)
})

test('no more streams than there are places, and a slow reader costs one page', async () => {
  const run = await newRun()
  await append(
    door.store,
    run,
    Array.from({ length: 500 }, (_, i) => paused(String(i))),
  )
  let reads = 0
  const read: typeof door.store.events.read = (...args) => {
    reads++
    return door.store.events.read(...args)
  }
  const live = streams({
    store: { ...door.store, events: { ...door.store.events, read } },
    heartbeat_ms: 10_000,
    most: 1,
  })
  const options = { signal: new AbortController().signal, headers: {} }
  const first = live.run(run, 0, options)
  assert.ok(first.ok)
  await until(() => reads === 1)
  const second = live.run(run, 0, options)
  assert.equal(!second.ok && second.failure.kind, 'busy')
  // Nobody has read: one page lies ready, and E2 says that no other is fetched.
  for (let i = 0; i < 50; i++) await new Promise((resolve) => setImmediate(resolve))
  assert.equal(reads, 1)
  await first.value.body?.cancel()
  assert.equal(live.count(), 0)
})
