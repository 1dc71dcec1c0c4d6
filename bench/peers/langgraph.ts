/**
 * LangGraph JS with its SQLite checkpointer: tasks of an `entrypoint`, the fastest of its durable forms (a graph of nodes
 * writes the whole state after each step), with `durability: 'sync'`. What was left aside and why is in README.md.
 */
import { rmSync } from 'node:fs'
import { join } from 'node:path'
import { entrypoint, task } from '@langchain/langgraph'
import { SqliteSaver } from '@langchain/langgraph-checkpoint-sqlite'
import { openDatabase } from './node-sqlite.ts'
import { checkOutput, type Steps, type System, serve } from './system.ts'

type Order = { run: number; n: number; text: string }

async function openLangGraph(folder: string, steps: Steps): Promise<System> {
  const step = task('step', async ({ run, i, text }: { run: number; i: number; text: string }) =>
    steps.step(run, i, text),
  )
  const build = (checkpointer: SqliteSaver) => ({
    sequence: entrypoint({ name: 'sequence', checkpointer }, async ({ run, n, text }: Order): Promise<string[]> => {
      const results: string[] = []
      for (let i = 0; i < n; i++) results.push(await step({ run, i, text }))
      return results
    }),
    fan: entrypoint({ name: 'fan', checkpointer }, async ({ n }: Order): Promise<string[]> => {
      const results = await Promise.all(Array.from({ length: n }, (_, i) => step({ run: 0, i, text: '' })))
      await step({ run: 0, i: n, text: '' })
      return results
    }),
  })
  type Built = ReturnType<typeof build>
  const options = (run: number) => ({ configurable: { thread_id: `run-${run}` }, durability: 'sync' as const })

  /** A new database for each measure, so that nothing of an earlier one weighs on it. */
  let serial = 0
  const fresh = async <T>(measure: (graphs: Built) => Promise<T>): Promise<T> => {
    const file = join(folder, `measure-${++serial}.db`)
    const database = openDatabase(file)
    try {
      const saver = new SqliteSaver(database)
      // Its tables are made at the first asking.
      await saver.getTuple({ configurable: { thread_id: 'none' } })
      return await measure(build(saver))
    } finally {
      database.close()
      for (const end of ['', '-wal', '-shm']) rmSync(`${file}${end}`, { force: true })
    }
  }
  const kept = () => build(new SqliteSaver(openDatabase(join(folder, 'kept.db'))))
  const orders = (runs: number, n: number): Order[] => Array.from({ length: runs }, (_, run) => ({ run, n, text: '' }))

  return {
    stored: 'no fsync: SQLite in WAL mode with synchronous=NORMAL, as its own driver is compiled',
    sequence: (n, carried) =>
      fresh(async ({ sequence }) => {
        steps.began()
        checkOutput(await sequence.invoke({ run: 0, n, text: steps.carry(carried) }, options(0)), n)
        return steps.began()
      }),
    many: (runs, tasks) =>
      fresh(async ({ sequence }) => {
        const began = performance.now()
        const outputs = await Promise.all(
          orders(runs, tasks).map((order) => sequence.invoke(order, options(order.run))),
        )
        const seconds = (performance.now() - began) / 1_000
        for (const output of outputs) checkOutput(output, tasks)
        return seconds
      }),
    fan: (n) =>
      fresh(async ({ fan }) => {
        const began = performance.now()
        const output = await fan.invoke({ run: 0, n, text: '' }, options(0))
        const ms = performance.now() - began
        checkOutput(output, n)
        return ms
      }),
    async begin(runs, tasks) {
      steps.hold()
      const { sequence } = kept()
      for (const order of orders(runs, tasks)) void sequence.invoke(order, options(order.run))
      await steps.waiting(runs)
    },
    async finish(runs, tasks) {
      const { sequence } = kept()
      const goOn = async (order: Order): Promise<void> => {
        const state = await sequence.getState(options(order.run))
        if (state.config.configurable?.checkpoint_id === undefined) throw new Error(`LOST: run ${order.run}`)
        const output = state.next.length === 0 ? state.values : await sequence.invoke(null as never, options(order.run))
        checkOutput(output as string[], tasks)
      }
      await Promise.all(orders(runs, tasks).map(goOn))
    },
    async close() {},
  }
}

if (import.meta.main) await serve(openLangGraph)
