/** Restate alone, on the engine and with the settings that Quorate uses: a handler that awaits one `ctx.run` after the other. */
import { createServer } from 'node:http2'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import * as restate from '@restatedev/restate-sdk'
import { startEngine } from '../../src/durable/engine-process.ts'
import { errorsOnly } from '../../test/quiet-logger.ts'
import { checkOutput, type Steps, type System, serve } from './system.ts'

type Order = { run: number; n: number; text: string }

export async function openBareRestate(folder: string, steps: Steps): Promise<System> {
  const started = await startEngine(join(folder, 'engine'), errorsOnly)
  if (!started.ok) throw new Error(started.failure.message)
  const engine = started.value
  const service = restate.service({
    name: 'bare',
    handlers: {
      sequence: async (ctx: restate.Context, { run, n, text }: Order): Promise<string[]> => {
        const results: string[] = []
        for (let i = 0; i < n; i++) results.push(await ctx.run(`t${i}`, () => steps.step(run, i, text)))
        return results
      },
      fan: async (ctx: restate.Context, { n }: Order): Promise<string[]> => {
        const each = Array.from({ length: n }, (_, i) => ctx.run(`t${i}`, () => steps.step(0, i)))
        const results = await restate.RestatePromise.all(each)
        await ctx.run('join', () => steps.step(0, n))
        return results
      },
      park: restate.handlers.handler({ inactivityTimeout: 1_000 }, async (ctx: restate.Context): Promise<void> => {
        await ctx.awakeable<string>().promise
      }),
    },
    options: { journalRetention: 0 },
  })
  const server = createServer(restate.createEndpointHandler({ services: [service], logger: () => undefined }))
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const uri = `http://127.0.0.1:${(server.address() as AddressInfo).port}/bare`
  const known = (await engine.admin('GET', '/deployments')).body as { deployments?: { id: string }[] } | null
  const old = known?.deployments?.[0]
  const { status, body } = old
    ? await engine.admin('PATCH', `/deployments/${old.id}`, { uri, overwrite: true })
    : await engine.admin('POST', '/deployments', { uri })
  if (status >= 300) throw new Error(`the engine refused: ${JSON.stringify(body)}`)

  const call = async (path: string, order: Partial<Order>, key?: string): Promise<string[]> => {
    const answer = await engine.call(`/bare/${path}`, order, key === undefined ? {} : { 'idempotency-key': key })
    if (answer.status >= 300) throw new Error(`${answer.status}: ${JSON.stringify(answer.body)}`)
    return answer.body as string[]
  }
  const orders = (runs: number, n: number): Order[] => Array.from({ length: runs }, (_, run) => ({ run, n, text: '' }))

  return {
    stored: 'two fsyncs: one for the log, one for the state',
    async sequence(n, carried) {
      steps.began()
      checkOutput(await call('sequence', { run: 0, n, text: steps.carry(carried) }), n)
      return steps.began()
    },
    async many(runs, tasks) {
      const began = performance.now()
      const outputs = await Promise.all(orders(runs, tasks).map((order) => call('sequence', order)))
      const seconds = (performance.now() - began) / 1_000
      for (const output of outputs) checkOutput(output, tasks)
      return seconds
    },
    async fan(n) {
      const began = performance.now()
      const output = await call('fan', { n })
      const ms = performance.now() - began
      checkOutput(output, n)
      return ms
    },
    async begin(runs, tasks) {
      steps.hold()
      await Promise.all(orders(runs, tasks).map((order) => call('sequence/send', order, `run-${order.run}`)))
      await steps.waiting(runs)
    },
    async finish(runs, tasks) {
      // The same key attaches to the run that is there.
      const all = orders(runs, tasks).map((order) => call('sequence', order, `run-${order.run}`))
      for (const output of await Promise.all(all)) checkOutput(output, tasks)
    },
    async park(n) {
      for (let i = 0; i < n; i += 100)
        await Promise.all(Array.from({ length: Math.min(100, n - i) }, () => call('park/send', {})))
      const query = "select count(*) as n from sys_invocation where status = 'suspended'"
      for (;;) {
        const { body } = await engine.admin('POST', '/query', { query })
        if ((body as { rows?: { n: number }[] } | null)?.rows?.[0]?.n === n) return
        await wait(200)
      }
    },
    async close() {
      await engine.stop()
      server.close()
    },
  }
}

if (import.meta.main) await serve(openBareRestate)
