/** Agents in code: a function of this program, or any agent system that Quorate drives. */

import type { AgentTask, PerformContext } from '../agent-systems/agent-system.ts'
import { type AgentInput, agentInput } from '../agents/agent.ts'
import { excerpt, type Failure, type FailureKind } from '../failure.ts'
import { isOfInputType } from '../workflow/input-type.ts'
import type { Json } from '../workflow/value.ts'
import { QuorateError } from './quorate-error.ts'
import type { Inputs, InputsReceived } from './typed-stage.ts'

/** What a function agent is given besides its task. */
export type FunctionContext = PerformContext & {
  /** Ends the task with this failure. Anything else that the function throws is `agent_failed`, and may be tried again. */
  fail: (kind: FailureKind, message: string, more?: Omit<Failure, 'kind' | 'message'>) => never
}

/** What a function agent is asked to do; `input` holds values, never expressions or references. */
export type FunctionTask<I extends Inputs = Inputs> = Omit<AgentTask, 'input'> & { input: InputsReceived<I> }

/** An agent for {@link openQuorate}. */
export type DefinedAgent<Name extends string = string> = {
  name: Name
  agent: AgentInput
  /** Null for an agent of another agent system. */
  perform: ((task: AgentTask, context: FunctionContext) => Json | Promise<Json>) | null
}

type Described = Partial<
  Pick<AgentInput, 'type' | 'description' | 'role' | 'capabilities' | 'concurrency' | 'timeout' | 'effect'>
>

/** A function as an agent. In process, so it is trusted code. */
export type FunctionAgent<Name extends string, I extends Inputs> = Described & {
  name: Name
  /** What its tasks must give it. Checked before `perform` is called; left out, everything is passed on unchecked. */
  input?: I
  /** Answers with the output, as JSON. It should stop when `context.signal` aborts; the task is over then in any case. */
  perform: (task: FunctionTask<I>, context: FunctionContext) => Json | Promise<Json>
}

/** An agent of an agent system: `local_model`, `ollama`, `openai_compatible`, `command`, `http` … */
export type SystemAgent<Name extends string> = Described & {
  name: Name
  system: string
  /** What the agent system wants to know; checked when Quorate opens. */
  settings?: AgentInput['settings']
  instructions?: string
}

/**
 * Defines an agent. A function is `pure` unless `effect` says otherwise: after a crash it may be called once more.
 * @throws QuorateError `invalid_input` for a name, duration or capability that cannot be.
 */
export function defineAgent<const Name extends string, const I extends Inputs = Inputs>(
  agent: FunctionAgent<Name, I> | SystemAgent<Name>,
): DefinedAgent<Name> {
  if ('system' in agent) return { name: agent.name, agent: checked(agent), perform: null }
  const { input: declared, perform, ...described } = agent
  return {
    name: agent.name,
    agent: checked({ type: 'execution', ...described, system: 'function', settings: { function: agent.name } }),
    perform: (task, context) => {
      if (declared) requireInput(task.input, declared, context)
      // Sound for declared inputs: they were just looked at. Without a declaration the type promises Json only.
      return perform(task as FunctionTask<I>, context)
    },
  }
}

function checked(agent: { name: string; [field: string]: unknown }): AgentInput {
  const parsed = agentInput.safeParse(agent)
  if (parsed.success) return parsed.data
  const problems = parsed.error.issues.map(({ path, message }): Failure => {
    const field = path.join('.')
    return { kind: 'invalid_input', message: `agent ${excerpt(agent.name)}: ${field || 'it'}: ${message}`, field }
  })
  throw new QuorateError({ kind: 'invalid_input', message: 'the agent cannot be', ...problems[0], problems })
}

function requireInput(given: AgentTask['input'], declared: Inputs, { fail }: FunctionContext): void {
  for (const [name, { type, required, default: fallback }] of Object.entries(declared)) {
    const value = Object.hasOwn(given, name) ? given[name] : undefined
    if (value === undefined && fallback !== undefined) given[name] = fallback
    else if (value === undefined && required)
      fail('invalid_input', `the task gives no ${name}`, { field: `input.${name}`, remedy: `bind input.${name}` })
    else if (value !== undefined && !isOfInputType(value, type))
      fail('invalid_input', `${name} is not of type ${type}`, { field: `input.${name}`, value: excerpt(value) })
  }
}
