import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import type { EventData } from '../workflow/event.ts'
import { append, type Door, openDoor } from './stand-ins.ts'

let door: Door
before(async () => {
  door = await openDoor()
})
after(() => door.close())

const scrape = async () => (await door.send({ path: '/metrics' })).text
const value = (text: string, line: string) =>
  Number(
    text
      .split('\n')
      .find((each) => each.startsWith(`${line} `))
      ?.split(' ')[1] ?? Number.NaN,
  )

const finished = (model: string, tokens: number | null) => {
  const data: EventData['task_finished'] = {
    task: 's/t',
    attempt: 1,
    agent: 'writer',
    model,
    output: null,
    duration_ms: 200,
    queued_ms: 0,
    why: '',
    effect_key: '',
    usage: { input_tokens: tokens, output_tokens: null, calls: 1 },
  }
  return { type: 'task_finished' as const, data }
}
const failed = (kind: 'timeout' | 'agent_failed') => {
  const data: EventData['task_failed'] = {
    task: 's/t',
    attempt: 1,
    agent: 'writer',
    failure: { kind, message: '' },
    retryable: true,
    duration_ms: 90,
    queued_ms: 0,
    why: '',
    usage: { input_tokens: null, output_tokens: null, calls: 1 },
  }
  return { type: 'task_failed' as const, data }
}

test('tasks, failures and tokens are counted from the record, each event once', async () => {
  const { json } = await door.post('/create_workflow', { goal: 'count' })
  const run = String(json.run_id)
  await append(door.store, run, [finished('tiny', 7), failed('timeout')])
  // The watcher tells soon, not at once.
  let text = await scrape()
  while (Number.isNaN(value(text, 'quorate_task_failures_total{kind="timeout"}'))) text = await scrape()
  await append(door.store, run, [finished('tiny', 5), finished('tiny', null), failed('agent_failed')])
  while (Number.isNaN(value(text, 'quorate_task_failures_total{kind="agent_failed"}'))) text = await scrape()
  assert.equal(value(text, 'quorate_model_tokens_total{model="tiny",direction="input"}'), 12)
  assert.ok(!text.includes('direction="output"'), 'tokens that nobody reported are not counted as 0')
  assert.equal(value(text, 'quorate_task_duration_seconds_count{outcome="completed"}'), 3)
  assert.equal(value(text, 'quorate_task_failures_total{kind="timeout"}'), 1)
  await Promise.all([scrape(), scrape(), scrape()])
  assert.equal(value(await scrape(), 'quorate_task_duration_seconds_count{outcome="completed"}'), 3)
})

test('labels are bounded: of two hundred models fifty keep their name', async () => {
  const { json } = await door.post('/create_workflow', { goal: 'many models' })
  await append(
    door.store,
    String(json.run_id),
    Array.from({ length: 200 }, (_, i) => finished(`model_${i}`, 1)),
  )
  let text = await scrape()
  while (!text.includes('model="other"')) text = await scrape()
  const models = new Set([...text.matchAll(/quorate_model_tokens_total\{model="([^"]+)"/g)].map((match) => match[1]))
  assert.equal(models.size, 51)
})

test('breaker and states of agents, queue and runs', async () => {
  const text = await scrape()
  assert.equal(value(text, 'quorate_agent_breaker{agent="writer"}'), 0)
  assert.equal(value(text, 'quorate_agents{status="idle"}'), 3)
  assert.equal(value(text, 'quorate_queue_length{queue="runs"}'), 0)
  assert.equal(value(text, 'quorate_runs{kind="workflow",status="queued"}'), 2)
})
