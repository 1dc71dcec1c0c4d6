/**
 * From request to 202, start-up, and idle memory, of the whole product as `npm start` runs it (in a process of its own).
 *
 * What is measured: POST /create_workflow with a stored definition, one request after the other over one kept
 * connection, until the answer has been read; each is durable (database with full sync) by then. Then the same from 20
 * connections at once. Start: from spawning the program to the first 200 of /readyz, on a new and on a used folder.
 * Memory: resident size of program and engine 3 s after the start, before any run.
 * What is not: model calls (the agent is a command that is not waited for), the first fetch of a model.
 *
 * Usage: npm run bench -- requests [rounds]
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import { Agent, request } from 'undici'

const ROUNDS = Number(process.argv[2] ?? 3)
const REQUESTS = 300
const root = mkdtempSync(join(tmpdir(), 'quorate-bench-'))
const quantile = (values: number[], q: number): number =>
  [...values].sort((a, b) => a - b)[Math.min(values.length - 1, Math.floor(values.length * q))] ?? Number.NaN

const freePort = (): Promise<number> =>
  new Promise((resolve) => {
    const server = createServer()
    server.listen(0, '127.0.0.1', () => {
      const { port } = server.address() as { port: number }
      server.close(() => resolve(port))
    })
  })

writeFileSync(join(root, 'quorate.yaml'), 'models:\n  local:\n    enabled: false\n')
const port = await freePort()
const url = `http://127.0.0.1:${port}`
const agent = new Agent({ connections: 20, pipelining: 1 })

async function start(data: string): Promise<{ program: ChildProcess; ready_ms: number }> {
  const began = performance.now()
  const program = spawn(
    process.execPath,
    [
      join(import.meta.dirname, '../bin/quorate.mjs'),
      'start',
      '--port',
      String(port),
      '--data',
      data,
      '--log-level',
      'error',
    ],
    { cwd: root, stdio: 'ignore' },
  )
  for (;;) {
    const ready = await request(`${url}/readyz`, { dispatcher: agent }).catch(() => null)
    if (ready !== null) await ready.body.dump()
    if (ready?.statusCode === 200) return { program, ready_ms: performance.now() - began }
    if (program.exitCode !== null) throw new Error(`the program ended with ${program.exitCode}`)
    await wait(5)
  }
}

async function stop(program: ChildProcess): Promise<number> {
  const began = performance.now()
  const gone = new Promise((resolve) => program.once('exit', resolve))
  program.kill('SIGINT')
  await gone
  return performance.now() - began
}

/** Resident megabytes of a process and its children. */
function memory(pid: number): { program: number; children: number } {
  const resident = (id: number): number =>
    Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${id}/status`, 'utf8'))?.[1] ?? 0) / 1_024
  let children = 0
  for (const name of readdirSync('/proc')) {
    if (!/^\d+$/.test(name)) continue
    try {
      if (readFileSync(`/proc/${name}/stat`, 'utf8').split(') ')[1]?.split(' ')[1] === String(pid))
        children += resident(Number(name))
    } catch {
      // A process that ended while we looked.
    }
  }
  return { program: resident(pid), children }
}

async function post(): Promise<number> {
  const began = performance.now()
  const response = await request(`${url}/create_workflow`, {
    method: 'POST',
    dispatcher: agent,
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ goal: 'bench', definition: 'bench' }),
  })
  const text = await response.body.text()
  if (response.statusCode !== 202) throw new Error(`${response.statusCode} ${text}`)
  return performance.now() - began
}

// A bench that breaks must not leave the program behind.
let running: ChildProcess | null = null
process.on('exit', () => running?.kill('SIGKILL'))

const figures: Record<string, number[]> = {}
const note = (what: string, value: number): void => {
  figures[what] = [...(figures[what] ?? []), value]
}

for (let round = 0; round < ROUNDS; round++) {
  const data = join(root, `data-${round}`)
  const first = await start(data)
  running = first.program
  note('start on a new folder, ms', first.ready_ms)
  await wait(3_000)
  const resident = memory(first.program.pid ?? 0)
  note('idle memory of the program, MB', resident.program)
  note('idle memory of the engine, MB', resident.children)
  await request(`${url}/definitions`, {
    method: 'PUT',
    dispatcher: agent,
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({
      definition: { apiVersion: 'quorate/v1', name: 'bench', stages: [{ id: 'wait', kind: 'timer', for: '1h' }] },
    }),
  }).then(async (response) => {
    if (response.statusCode !== 200) throw new Error(await response.body.text())
    await response.body.dump()
  })
  for (let i = 0; i < 30; i++) await post()
  const latencies: number[] = []
  for (let i = 0; i < REQUESTS; i++) latencies.push(await post())
  note('request to 202, one at a time, p50 ms', quantile(latencies, 0.5))
  note('request to 202, one at a time, p99 ms', quantile(latencies, 0.99))
  const crowd: number[] = []
  await Promise.all(
    Array.from({ length: 20 }, async () => {
      for (let i = 0; i < REQUESTS / 20; i++) crowd.push(await post())
    }),
  )
  note('request to 202, 20 at once, p50 ms', quantile(crowd, 0.5))
  note('request to 202, 20 at once, p99 ms', quantile(crowd, 0.99))
  note('stop, ms', await stop(first.program))
  const second = await start(data)
  running = second.program
  note('start on a used folder with parked runs, ms', second.ready_ms)
  await stop(second.program)
}
console.log(`\nMedian of ${ROUNDS} rounds; Node ${process.version}, ${new Date().toISOString().slice(0, 10)}\n`)
console.log('| what | median | least | most |\n| --- | --- | --- | --- |')
for (const [what, values] of Object.entries(figures))
  console.log(
    `| ${what} | ${quantile(values, 0.5).toFixed(1)} | ${Math.min(...values).toFixed(1)} | ${Math.max(...values).toFixed(1)} |`,
  )
await agent.close()
rmSync(root, { recursive: true, force: true })
