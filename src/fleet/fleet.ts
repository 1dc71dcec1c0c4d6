/**
 * The agents that work: registry, health, bounds, breaker, choice, calls. The shell hands over one attempt of one task
 * and gets an outcome; everything about which agent, when, and with what protection is decided here.
 */

import type { Health, Performed } from '../agent-systems/agent-system.ts'
import type { Agent, AgentInput, AgentStatus } from '../agents/agent.ts'
import type { Amounts } from '../budget/amounts.ts'
import type { AttemptAllowance, AttemptLedger, AttemptOf } from '../budget/attempt-ledger.ts'
import type { Denied, Used } from '../budget/tree.ts'
import type { Failure, Result } from '../failure.ts'
import type { Finding } from '../progress/finding.ts'
import type { CallAgent, CallBudget } from '../workflow/command.ts'
import type { BudgetDenied, Could, Usage } from '../workflow/event.ts'
import type { Json, Value } from '../workflow/value.ts'

/** An agent with what is known of it now. */
export type AgentView = Omit<Agent, 'settings'> & {
  settings: { [key: string]: Json }
  status: AgentStatus
  /** Addresses of the tasks it works on: `run_…/stage/task`. */
  current_tasks: { run: string; task: string; since: number; agent: string; note: string }[]
  queued: number
  breaker: {
    state: 'closed' | 'open' | 'half_open'
    failure_rate: number | null
    calls: number
    opens_again_at: number | null
  }
  health: (Health & { at: number }) | null
  /** From its own results: mean with Wilson interval; null below 5 results. */
  performance: { value: number | null; n: number; interval: [number, number] | null; reason?: string }
}

/** One attempt, with the references of its input resolved by the caller. */
export type Attempt = Omit<CallAgent, 'do' | 'input' | 'delay_ms'> & {
  run: string
  input: { [name: string]: Json }
  /** The input as the log has it, large values by reference: enough to tell two calls apart, and quick to hash. */
  arguments?: { [name: string]: Value }
  /** Written-ahead result of an earlier, interrupted execution of the same attempt, if the shell knows one. */
  repeated: boolean
}

export type AttemptOutcome = {
  agent: string | null
  /** Content hash of that agent as it was asked. */
  agent_hash?: string
  /** Which budget of several runs said no. */
  denied?: BudgetDenied
  /** Why this agent: candidates, their state, the rule that chose. */
  why: string
  effect_key: string
  started_at: number
  queued_ms: number
  duration_ms: number
} & (
  | { ok: true; performed: Performed; finding?: Finding }
  | { ok: false; failure: Failure; retryable: boolean; usage?: Usage; finding?: Finding; could?: Could }
)

/** A call, for the budgets that several runs draw on. */
export type OutsideCall = {
  /** The same for a repetition of the same call. */
  key: string
  agent: string | null
  /** Null: that of the manager's own model, which plans. */
  host: string | null
  budget: CallBudget | undefined
  /** What is sent, for an estimate where the run made none. */
  text: () => string
  max_output_tokens: number | null
}

export type OutsideBudgets = {
  /** Null: nothing limits this call, and nothing is to be settled. */
  reserve: (call: OutsideCall) => Promise<{ denied: Denied | null; amounts: Amounts } | null>
  settle: (key: string, used: Used) => Promise<void>
  /** What an attempt may use while it goes on, of these budgets and of those of its run. */
  attempt: (of: Omit<AttemptOf, 'cost'>) => AttemptAllowance
  /** Shows the tree of a run, to be read whenever one of its attempts asks; null = the run has ended. */
  seen: AttemptLedger['seen']
  /** The call did not come back: true when something was held for it, which is charged in full now. */
  died: (key: string) => Promise<boolean>
  /** What a call cost, in millionths; undefined where nothing has a price. */
  moneyFor: (model: string | null, usage: Usage) => Pick<Usage, 'money'>
  close: () => void
}

export type Fleet = {
  add: (input: AgentInput, source: Agent['source']) => Promise<Result<AgentView>>
  change: (nameOrId: string, change: Partial<AgentInput>) => Promise<Result<AgentView>>
  drain: (nameOrId: string) => Promise<Result<AgentView>>
  /** Removes it; with work in hand only when `force`, else drains first and says so. */
  remove: (nameOrId: string, options: { force: boolean }) => Promise<Result<AgentView>>
  get: (nameOrId: string) => Promise<AgentView | null>
  list: () => Promise<AgentView[]>
  probe: (nameOrId: string, signal: AbortSignal) => Promise<Result<Health>>
  /** Capabilities that at least one agent offers which takes new work, with how many. */
  capabilities: () => { [capability: string]: number }
  /** Names of agents that offer the capability and take new work, best first. */
  candidates: (capability: string | null) => string[]
  perform: (attempt: Attempt, options: { signal: AbortSignal }) => Promise<AttemptOutcome>
  /** Names of agents that take work and whose calls take so little that they need no invocation of their own. */
  quick_agents: () => string[]
  /** What runs now, for live views; not durable. */
  live: (run: string) => { task: string; agent: string; since: number; note: string; tokens: number }[]
  load: () => { in_flight: number; queued: number; limit: number }
  /** Checks every agent again soon; used after start and by the doctor. */
  check_all: (signal: AbortSignal) => Promise<void>
  close: () => Promise<void>
}
