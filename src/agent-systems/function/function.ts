/** TypeScript functions of the program that embeds Quorate, as agents. In process, so a function is trusted code. */
import { z } from 'zod'
import { honourSchema } from '../../agents/honour-schema.ts'
import { parseJson } from '../../agents/parse-json.ts'
import { excerpt, type Failure, type FailureKind, fail, ok, type Result } from '../../failure.ts'
import { type EffectClass, effectClass } from '../../workflow/definition.ts'
import type { Json } from '../../workflow/value.ts'
import type { AgentSystem, AgentTask, PerformContext, Performed } from '../agent-system.ts'
import { interrupted } from '../interrupted.ts'

export type FunctionContext = PerformContext & {
  /** Ends the task with this failure. Anything else that the function throws is `agent_failed`. */
  fail: (kind: FailureKind, message: string, more?: Omit<Failure, 'kind' | 'message'>) => never
}

/** Answers with the task's output. It should stop when `context.signal` aborts; the task is over then in any case. */
export type AgentFunction = (task: AgentTask, context: FunctionContext) => Json | Promise<Json>

export type Functions = {
  /** @param options.effect What it does outside; `pure` by default. A name that is taken is a TypeError. */
  register: (name: string, run: AgentFunction, options?: { effect?: EffectClass }) => void
  remove: (name: string) => void
  get: (name: string) => { run: AgentFunction; effect: EffectClass } | undefined
  names: () => string[]
}

export function createFunctions(): Functions {
  const byName = new Map<string, { run: AgentFunction; effect: EffectClass }>()
  return {
    register: (name, run, { effect = 'pure' } = {}) => {
      if (byName.has(name)) throw new TypeError(`a function ${excerpt(name)} is registered already`)
      byName.set(name, { run, effect })
    },
    remove: (name) => void byName.delete(name),
    get: (name) => byName.get(name),
    names: () => [...byName.keys()].sort(),
  }
}

const settings = z.strictObject({
  function: z.string().min(1).max(200).meta({ description: 'Name under which the function was registered' }),
  effect: effectClass.optional(),
})

/** Carries a failure from `context.fail` through the function's own code. */
class FunctionFailure extends Error {
  readonly failure: Failure
  constructor(failure: Failure) {
    super(failure.message)
    this.failure = failure
  }
}

export const functionSystem = (functions: Functions): AgentSystem<z.infer<typeof settings>> => ({
  contract: 'agent-system-v1',
  name: 'function',
  title: 'A function of this program',
  settings,
  effect: ({ function: name, effect }) => effect ?? functions.get(name)?.effect ?? 'pure',
  quick: true,
  open: ({ function: name }) =>
    ok({
      host: 'function',
      check: async () =>
        functions.get(name)
          ? { ok: true, detail: 'registered' }
          : { ok: false, detail: missing(name, functions).failure.message },
      perform: async (task, context) => {
        const known = functions.get(name)
        return known ? perform(known.run, task, context) : missing(name, functions)
      },
      close: async () => {},
    }),
})

const missing = (name: string, functions: Functions) => ({
  ok: false as const,
  failure: {
    kind: 'unavailable' as const,
    message: `no function ${excerpt(name)} is registered`,
    field: 'settings.function',
    remedy: `register it before the run; there are: ${excerpt(functions.names().join(', ') || 'none', 200)}`,
  },
})

async function perform(run: AgentFunction, task: AgentTask, context: PerformContext): Promise<Result<Performed>> {
  const { signal } = context
  if (signal.aborted) return interrupted(signal)
  const aborted = Promise.withResolvers<Result<Performed>>()
  const onAbort = () => aborted.resolve(interrupted(signal))
  signal.addEventListener('abort', onAbort, { once: true })
  try {
    return await Promise.race([aborted.promise, answer(run, task, context)])
  } finally {
    signal.removeEventListener('abort', onAbort)
  }
}

async function answer(run: AgentFunction, task: AgentTask, context: PerformContext): Promise<Result<Performed>> {
  let returned: unknown
  try {
    returned = await run(task, {
      ...context,
      fail: (kind, message, more = {}) => {
        throw new FunctionFailure({ kind, message, ...more })
      },
    })
  } catch (error) {
    if (error instanceof FunctionFailure) return { ok: false, failure: error.failure }
    return fail('agent_failed', `the function threw: ${messageOf(error)}`)
  }
  const json = asJson(returned)
  if (!json.ok) return json
  const output = honourSchema(task.output_schema, json.value)
  return output.ok
    ? ok({ output: output.value, usage: { input_tokens: null, output_tokens: null, calls: 1 }, model: null })
    : output
}

/** A copy in JSON, so that the function cannot change its answer afterwards. */
function asJson(value: unknown): Result<Json> {
  try {
    const text = JSON.stringify(value)
    if (text !== undefined) return parseJson(text)
  } catch {
    // A cycle, a BigInt, or nesting beyond the stack: no JSON, like undefined.
  }
  return fail('output_invalid', `the function answered with what JSON cannot express (${typeof value})`)
}

/** Of whatever was thrown; even the message of an error may be anything. */
function messageOf(thrown: unknown): string {
  const message = thrown instanceof Error ? thrown.message : thrown
  return typeof message === 'string' ? excerpt(message, 300) : typeof message
}
