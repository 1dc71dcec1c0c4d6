/** `quorate agents try`: one prompt to one agent, outside of any run; Ctrl-C stops it. */
import { setTimeout as pause } from 'node:timers/promises'
import { Command } from 'commander'
import type { Failure } from '../failure.ts'
import { cancel_try } from '../operations/cancel_try.ts'
import { get_try } from '../operations/get_try.ts'
import { try_agent } from '../operations/try_agent.ts'
import type { Value } from '../workflow/value.ts'
import { type Act, type CommandContext, failed, printJson } from './command-context.ts'
import { exitCodes } from './exit-codes.ts'
import { clean, span } from './format.ts'
import { clientFor } from './server-address.ts'

const LOOK_MS = 300

type Options = { timeout: string; json?: true; server?: string }
type Try = {
  id: string
  state: string
  output: Value
  failure: Failure | null
  duration_ms: number | null
  model: string | null
  progress: { note: string; tokens: number } | null
}

export const agentsTryCommand = (context: CommandContext, act: Act): Command =>
  new Command('try')
    .description('give it one prompt, outside of any run, and print its answer')
    .argument('<name>')
    .argument('<prompt>')
    .option('--timeout <duration>', 'how long it may take, 1s to 10m', '2m')
    .option('--json', 'print JSON')
    .option('--server <url>', 'the server')
    .action(act((name: string, prompt: string, options: Options) => tryAgent(context, name, prompt, options)))

async function tryAgent(context: CommandContext, name: string, prompt: string, { timeout, json, server }: Options) {
  const client = clientFor(context, server)
  if (!client.ok) return failed(context, client.failure, json)
  const begun = await client.value.call<Try>(try_agent, { agent: name, prompt, timeout })
  if (!begun.ok) return failed(context, begun.failure, json)
  const { id } = begun.value
  let stopped = false
  const off = context.on_interrupt(() => {
    stopped = true
  })
  try {
    for (let asked = false; ; ) {
      if (stopped && !asked) {
        asked = true
        await client.value.call(cancel_try, { id })
      }
      const now = await client.value.call<Try>(get_try, { id })
      if (!now.ok) return failed(context, now.failure, json)
      const { state, output, failure, duration_ms, model } = now.value
      if (state !== 'running') {
        if (json) printJson(context, now.value)
        else if (state === 'completed') {
          const value = await client.value.value(output)
          context.terminal.out(typeof value === 'string' ? clean(value) : JSON.stringify(value, null, 2))
          context.terminal.err(`${span(duration_ms ?? 0)}${model === null ? '' : `, ${model}`}`)
        } else if (failure !== null && state === 'failed') return failed(context, failure)
        else context.terminal.err(`The try was ${state}.`)
        return state === 'completed' ? exitCodes.done : state === 'cancelled' ? exitCodes.cancelled : exitCodes.failed
      }
      await pause(LOOK_MS)
    }
  } finally {
    off()
  }
}
