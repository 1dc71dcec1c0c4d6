/** Mastra with LibSQL: a chain of `.then` steps, whose results all stay; `foreach` for parallel ones. Its default engine, snapshots as they are by default. */
import { rmSync } from 'node:fs'
import { join } from 'node:path'
import { createClient } from '@libsql/client'
import { Mastra } from '@mastra/core'
import { createStep, createWorkflow } from '@mastra/core/workflows'
import { LibSQLStore } from '@mastra/libsql'
import { z } from 'zod'
import { checkOutput, type Steps, type System, serve } from './system.ts'

const anything = z.any()
const shape = { inputSchema: anything, outputSchema: anything }
type Order = { run: number; text: string }
type GivenClient = Extract<ConstructorParameters<typeof LibSQLStore>[0], { client: unknown }>['client']

/** What LibSQLStore sets on one connection of a pool; here on the only one, so that every write has it. */
const pragmas = ['journal_mode=wal', 'synchronous=normal', 'busy_timeout=5000', 'temp_store=memory']

async function openMastra(folder: string, steps: Steps): Promise<System> {
  const chain = (n: number) => {
    let flow = createWorkflow({ id: 'flow', ...shape, options: { validateInputs: false } })
    for (let i = 0; i < n; i++)
      flow = flow.then(
        createStep({
          id: `s${i}`,
          ...shape,
          execute: async ({ getInitData }) => {
            const { run, text } = getInitData<Order>()
            return steps.step(run, i, text)
          },
        }),
      )
    return flow.commit()
  }
  const fan = (n: number) =>
    createWorkflow({ id: 'flow', ...shape, options: { validateInputs: false } })
      .foreach(
        createStep({ id: 'all', ...shape, execute: async ({ inputData }) => steps.step(0, inputData as number) }),
        {
          concurrency: n,
        },
      )
      .then(
        createStep({
          id: 'join',
          ...shape,
          execute: async ({ inputData }) => {
            await steps.step(0, n)
            return inputData as string[]
          },
        }),
      )
      .commit()

  const open = async (file: string, flow: ReturnType<typeof chain | typeof fan>) => {
    const client = createClient({ url: `file:${file}`, concurrency: 1 })
    for (const pragma of pragmas) await client.execute(`pragma ${pragma}`)
    // The types of its own optional fields differ under exactOptionalPropertyTypes; nothing else does.
    const storage = new LibSQLStore({ id: 'bench', client: client as GivenClient })
    const mastra = new Mastra({ storage, workflows: { flow }, logger: false })
    await storage.init()
    const workflows = await storage.getStore('workflows')
    if (workflows === undefined) throw new Error('there is no store for workflows')
    const synchronous = (await client.execute('pragma synchronous')).rows[0]?.synchronous
    if (synchronous !== 1) throw new Error(`synchronous is ${synchronous}`)
    return { client, workflows, flow: mastra.getWorkflow('flow') }
  }
  type Open = Awaited<ReturnType<typeof open>>
  type Ended = { status: string; error?: unknown; result?: unknown; steps: Record<string, { output?: unknown }> }

  /** A new database for each measure, so that nothing of an earlier one weighs on it. */
  let serial = 0
  const fresh = async <T>(flow: Parameters<typeof open>[1], measure: (opened: Open) => Promise<T>): Promise<T> => {
    const file = join(folder, `measure-${++serial}.db`)
    const opened = await open(file, flow)
    try {
      return await measure(opened)
    } finally {
      opened.client.close()
      for (const end of ['', '-wal', '-shm']) rmSync(`${file}${end}`, { force: true })
    }
  }
  const start = async ({ flow }: Open, inputData: unknown, run: number): Promise<Ended> =>
    (await (await flow.createRun({ runId: `run-${run}` })).start({ inputData })) as Ended
  const check = (ended: Ended, n: number): void => {
    if (ended.status !== 'success') throw new Error(`${ended.status}: ${String(ended.error)}`)
    const results = Array.from({ length: n }, (_, i) => ended.steps[`s${i}`]?.output)
    checkOutput(results, n)
  }
  const orders = (runs: number): Order[] => Array.from({ length: runs }, (_, run) => ({ run, text: '' }))

  return {
    stored: 'no fsync: SQLite in WAL mode with synchronous=NORMAL, as LibSQLStore asks for',
    sequence: (n, carried) =>
      fresh(chain(n), async (opened) => {
        steps.began()
        check(await start(opened, { run: 0, text: steps.carry(carried) }, 0), n)
        return steps.began()
      }),
    many: (runs, tasks) =>
      fresh(chain(tasks), async (opened) => {
        const began = performance.now()
        const all = await Promise.all(orders(runs).map((order) => start(opened, order, order.run)))
        const seconds = (performance.now() - began) / 1_000
        for (const ended of all) check(ended, tasks)
        return seconds
      }),
    fan: (n) =>
      fresh(fan(n), async (opened) => {
        const began = performance.now()
        const ended = await start(
          opened,
          Array.from({ length: n }, (_, i) => i),
          0,
        )
        const ms = performance.now() - began
        checkOutput((ended.result ?? []) as string[], n)
        return ms
      }),
    async begin(runs, tasks) {
      steps.hold()
      const opened = await open(join(folder, 'kept.db'), chain(tasks))
      for (const order of orders(runs)) void start(opened, order, order.run)
      await steps.waiting(runs)
    },
    async finish(runs, tasks) {
      const opened = await open(join(folder, 'kept.db'), chain(tasks))
      const goOn = async ({ run }: Order): Promise<void> => {
        const found = await opened.workflows.loadWorkflowSnapshot({ workflowName: 'flow', runId: `run-${run}` })
        if (found === null) throw new Error(`LOST: run ${run}`)
        // Side by side: its own restartAllActiveWorkflowRuns takes one run after the other.
        check((await (await opened.flow.createRun({ runId: `run-${run}` })).restart()) as Ended, tasks)
      }
      await Promise.all(orders(runs).map(goOn))
    },
    async close() {},
  }
}

if (import.meta.main) await serve(openMastra)
