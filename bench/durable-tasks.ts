/**
 * What a durable task costs, beside a bare `ctx.run` on the same engine in the same run.
 *
 * What is measured: whole runs through the product with nothing switched off: registry, choice of agent, admission,
 * breaker, effect class, events in the database (full sync), segments. The agent is a function that returns 200 bytes.
 * What is not: HTTP, planning, models. Bare: a handler that awaits one `ctx.run` after the other, or all side by side.
 *
 * Usage: npm run bench -- durable-tasks [rounds]
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { createServer } from 'node:http2'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import * as restate from '@restatedev/restate-sdk'
import { createFunctions } from '../src/agent-systems/function/function.ts'
import { startEngine } from '../src/durable/engine-process.ts'
import { type Quorate, startQuorate } from '../src/main.ts'
import type { Definition, Stage } from '../src/workflow/definition.ts'
import { testConfiguration } from '../test/test-configuration.ts'

const ROUNDS = Number(process.argv[2] ?? 3)
const RESULT = 'x'.repeat(200)
const quiet = { debug: () => undefined, info: () => undefined, warn: () => undefined, error: console.error }
const root = mkdtempSync(join(tmpdir(), 'quorate-bench-'))

const median = (values: number[]): number =>
  [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN

type Subject = {
  sequence: (n: number) => Promise<number[]>
  many: (runs: number, tasks: number) => Promise<number>
  fan: (n: number) => Promise<number>
  close: () => Promise<void>
}

async function bare(): Promise<Subject> {
  const engine = await startEngine(join(root, 'bare'), quiet)
  if (!engine.ok) throw new Error(engine.failure.message)
  const service = restate.service({
    name: 'bare',
    handlers: {
      sequence: async (ctx: restate.Context, n: number): Promise<number[]> => {
        const at: number[] = []
        for (let i = 0; i < n; i++)
          at.push(await ctx.run(`t${i}`, () => ({ at: performance.now(), result: RESULT }).at))
        return at
      },
      fan: async (ctx: restate.Context, n: number): Promise<number> =>
        (await restate.RestatePromise.all(Array.from({ length: n }, (_, i) => ctx.run(`t${i}`, () => RESULT)))).length,
    },
    options: { journalRetention: 0 },
  })
  const server = createServer(restate.createEndpointHandler({ services: [service], logger: () => undefined }))
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  await engine.value.admin('POST', '/deployments', {
    uri: `http://127.0.0.1:${(server.address() as AddressInfo).port}/bare`,
  })
  const call = async (handler: string, n: number): Promise<unknown> =>
    (await engine.value.ingress(`/bare/${handler}`, n)).body
  return {
    sequence: async (n) => gaps((await call('sequence', n)) as number[]),
    async many(runs, tasks) {
      const began = performance.now()
      await Promise.all(Array.from({ length: runs }, () => call('sequence', tasks)))
      return (runs * tasks) / ((performance.now() - began) / 1_000)
    },
    async fan(n) {
      const began = performance.now()
      await call('fan', n)
      return performance.now() - began
    },
    async close() {
      await engine.value.stop()
      server.close()
    },
  }
}

const gaps = (at: number[]): number[] => at.slice(1).map((value, i) => value - (at[i] ?? value))

async function product(): Promise<Subject> {
  const called: number[] = []
  const functions = createFunctions()
  functions.register('worker', () => {
    called.push(performance.now())
    return RESULT
  })
  const configuration = testConfiguration(join(root, 'product'))
  const started = await startQuorate(
    {
      ...configuration,
      // The limits are set to the workload: what is measured is the cost of a task, not the wait for a place.
      limits: { ...configuration.limits, max_parallel_workflows: 200, agent_pool_size: 1_000 },
      agents: configuration.agents.map((agent) => ({ ...agent, concurrency: 1_000 })),
    },
    { logger: quiet, functions },
  )
  if (!started.ok) throw new Error(started.failure.message)
  const quorate = started.value
  const task = (id: string) => ({ id, agent: 'worker_a', instructions: 'Return 200 bytes.' })
  const stages = (n: number): Stage[] =>
    Array.from({ length: n }, (_, i) => ({ id: `s${i}`, kind: 'tasks', tasks: [task('t')] }))
  const store = async (name: string, list: Stage[]): Promise<string> =>
    (
      await quorate.store.definitions.put(
        { apiVersion: 'quorate/v1', name, stages: list } satisfies Definition,
        'bench',
        '',
      )
    ).hash
  return {
    async sequence(n) {
      const hash = await store(
        `sequence-${n}`,
        n > 2_000 ? [{ id: 'l', kind: 'loop', max: n, until: 'false', stages: stages(1) }] : stages(n),
      )
      called.length = 0
      await runOnce(quorate, hash)
      return gaps([...called])
    },
    async many(runs, tasks) {
      const hash = await store(`many-${tasks}`, stages(tasks))
      const began = performance.now()
      await Promise.all(Array.from({ length: runs }, () => runOnce(quorate, hash)))
      return (runs * tasks) / ((performance.now() - began) / 1_000)
    },
    async fan(n) {
      const hash = await store(`fan-${n}`, [
        { id: 's', kind: 'tasks', tasks: Array.from({ length: n }, (_, i) => task(`t${i}`)) },
      ])
      const began = performance.now()
      await runOnce(quorate, hash)
      return performance.now() - began
    },
    close: () => quorate.close(),
  }
}

async function runOnce(quorate: Quorate, definition: string): Promise<void> {
  const run = await quorate.runs.start({ kind: 'workflow', goal: null, definition, inputs: {}, by: 'bench' })
  if (!run.ok) throw new Error(run.failure.message)
  const id = run.value.run
  await new Promise<void>((resolve, reject) => {
    const look = async (): Promise<void> => {
      const row = await quorate.store.runs.get(id)
      if (row?.ended_at == null) return
      stop()
      if (row.status === 'completed') resolve()
      else reject(new Error(`${row.status}: ${row.reason}`))
    }
    // The end of a run is looked for by a timer: looking after each event would be part of what is measured.
    const timer = setInterval(() => void look(), 5)
    const stop = (): void => clearInterval(timer)
  })
}

const subjects = { 'bare Restate': await bare(), Quorate: await product() }
const rows: Record<string, Record<string, number[]>> = {}
const note = (what: string, who: string, value: number): void => {
  rows[what] ??= {}
  rows[what][who] = [...(rows[what][who] ?? []), value]
}
for (let round = -1; round < ROUNDS; round++) {
  for (const [who, subject] of Object.entries(subjects)) {
    const sequence = await subject.sequence(200)
    const many = await subject.many(200, 20)
    const fan = await subject.fan(500)
    const long = await subject.sequence(2_000)
    if (round < 0) continue // the first round warms both up
    note('200 tasks in a row, ms each (p50)', who, median(sequence))
    note('200 runs x 20 tasks, tasks/s', who, many)
    note('500 parallel tasks and a join, ms', who, fan)
    note('2,000 in a row: last 200 over first 200 (p50)', who, median(long.slice(-200)) / median(long.slice(0, 200)))
  }
}
console.log(
  `\nMedian of ${ROUNDS} interleaved rounds after one to warm up; Node ${process.version}, ${new Date().toISOString().slice(0, 10)}\n`,
)
console.log(
  `| what | ${Object.keys(subjects).join(' | ')} | ratio |\n| --- | ${Object.keys(subjects)
    .map(() => '---')
    .join(' | ')} | --- |`,
)
for (const [what, row] of Object.entries(rows)) {
  const [a, b] = Object.keys(subjects).map((who) => median(row[who] ?? []))
  console.log(`| ${what} | ${(a ?? 0).toFixed(2)} | ${(b ?? 0).toFixed(2)} | ${((b ?? 0) / (a ?? 1)).toFixed(2)} |`)
}
for (const subject of Object.values(subjects)) await subject.close()
rmSync(root, { recursive: true, force: true })
