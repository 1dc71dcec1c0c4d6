/**
 * One attempt of one task, from choice to outcome: who, when (a place), whether (breaker, retry budget), and the call.
 */

import { type AgentHandle, mayRetry } from '../agent-systems/agent-system.ts'
import { chooseAgent } from '../agents/choose-agent.ts'
import { permit } from '../agents/circuit-breaker.ts'
import type { RetryBudget } from '../agents/retry.ts'
import type { AttemptAllowance } from '../budget/attempt-ledger.ts'
import type { Denied, Used } from '../budget/tree.ts'
import type { Failure } from '../failure.ts'
import type { ModelGateway } from '../models/model-gateway.ts'
import type { Finding } from '../progress/finding.ts'
import { callKey, deniedText, holdKey } from '../workflow/call-budget.ts'
import { contentHash } from '../workflow/content-hash.ts'
import type { Could, Usage } from '../workflow/event.ts'
import type { Admission } from './admission.ts'
import { type Called, type CallParts, callAgent } from './call-agent.ts'
import { isGuarded } from './effect-ledger.ts'
import type { Attempt, AttemptOutcome, OutsideBudgets } from './fleet.ts'
import { breakerSettings, candidateOf, closedBecause, effectOf } from './member.ts'
import type { Registry } from './registry.ts'

export type DispatchParts = CallParts & {
  registry: Registry
  admission: Admission
  retryBudget: RetryBudget
  retryRefused: () => void
  closing: () => boolean
  gateway: Pick<ModelGateway, 'default_model' | 'other_model'>
  /** Absent where nothing limits several runs together. */
  budgets?: OutsideBudgets | undefined
}

/** A call of a later attempt keeps its place to the end. */
const MOST_RECALLED = 5

/** The same on every repetition, whatever the attempt: what a destination knows the effect by. */
export const effectKey = (attempt: Pick<Attempt, 'run' | 'task' | 'instructions' | 'input' | 'arguments'>): string =>
  contentHash({
    run: attempt.run,
    task: attempt.task,
    instructions: attempt.instructions,
    input: attempt.arguments ?? attempt.input,
  })

export function createDispatch(
  parts: DispatchParts,
): (attempt: Attempt, options: { signal: AbortSignal }) => Promise<AttemptOutcome> {
  /** Calls under way by effect key: a repetition that meets its own first execution alive waits for it. */
  const flights = new Map<string, Promise<AttemptOutcome>>()

  return async (attempt, { signal }) => {
    const effect_key = effectKey(attempt)
    const flight = `${effect_key}#${attempt.attempt}`
    for (let under = flights.get(flight); under !== undefined; under = flights.get(flight)) {
      const outcome = await under
      // The first execution was called off, this one was not.
      if (outcome.ok || outcome.failure.kind !== 'cancelled' || signal.aborted) return outcome
    }
    const outcome = perform(attempt, effect_key, signal).finally(() => flights.delete(flight))
    flights.set(flight, outcome)
    return outcome
  }

  /** What a later attempt could do otherwise. */
  function whatElse(attempt: Attempt, agent: string, handle: AgentHandle, finding: Finding | undefined): Could {
    const { registry, admission, now, gateway } = parts
    const at = now()
    const candidates = [...registry.members()].map((member) => candidateOf(member, admission.load(member.agent.id), at))
    const others = { ...attempt, excluded: [...attempt.excluded, agent], only_others: true }
    const other_agent = chooseAgent(others, candidates).agent !== null
    if (handle.model === undefined) return { other_model: null, other_agent }
    const own = attempt.model ?? handle.model() ?? gateway.default_model().id
    const asked = [...(own === null ? [] : [own]), ...(finding?.models ?? [])]
    return { other_model: gateway.other_model?.(asked) ?? null, other_agent }
  }

  async function perform(attempt: Attempt, effect_key: string, signal: AbortSignal): Promise<AttemptOutcome> {
    const { registry, admission, now } = parts
    const arrived = now()
    const failed = (why: string, failure: Failure, agent: string | null = null): AttemptOutcome => {
      const queued_ms = Math.max(0, now() - arrived)
      return {
        agent,
        why,
        effect_key,
        started_at: now(),
        queued_ms,
        duration_ms: 0,
        ok: false,
        failure,
        retryable: mayRetry(failure),
      }
    }

    if (attempt.attempt > 1 && !attempt.repeated) {
      if (!parts.retryBudget.retry(arrived)) {
        parts.retryRefused()
        const message = 'too many retries are under way: they would make things worse for what is failing'
        return failed('retry budget used up', {
          kind: 'busy',
          message,
          retry_after_s: 10,
          remedy: 'it is tried again by itself; see which agents fail',
        })
      }
    } else parts.retryBudget.request(arrived)

    for (;;) {
      if (parts.closing())
        return failed('Quorate is stopping', { kind: 'unavailable', message: 'Quorate is stopping', retry_after_s: 1 })
      const at = now()
      const candidates = [...registry.members()].map((member) =>
        candidateOf(member, admission.load(member.agent.id), at),
      )
      const choice = chooseAgent(attempt, candidates)
      if (choice.agent === null) return failed(choice.why, choice.failure)
      const member = registry.find(choice.agent)
      const handle = member?.engine.handle
      if (member === undefined || handle === undefined || handle === null) continue
      // Ended in the middle, it can be made again; and not without end.
      const guarded = isGuarded(effectOf(member, attempt.effect)) || attempt.attempt > MOST_RECALLED
      let endCall = () => {}
      const place = await admission.acquire({
        run: attempt.run,
        agent: member.agent.id,
        host: handle.host,
        priority: attempt.repeated ? 1 : 0,
        signal,
        ...(!guarded && { recall: () => endCall() }),
      })
      if (place === 'moved') continue
      if (!place.ok) return failed(choice.why, place.failure, member.agent.name)
      const key = callKey(attempt)
      let held: Awaited<ReturnType<OutsideBudgets['reserve']>> = null
      let used: Used = notMade
      let allowance: AttemptAllowance | undefined
      try {
        if (parts.budgets !== undefined) {
          held = await parts.budgets.reserve({
            key,
            agent: member.agent.name,
            host: handle.host,
            budget: attempt.budget,
            text: () => `${attempt.instructions}${JSON.stringify(attempt.input)}`,
            max_output_tokens: attempt.max_output_tokens,
          })
          if (held !== null && held.denied !== null) {
            const { denied } = held
            held = null
            return { ...failed(choice.why, exhausted(denied), member.agent.name), ...deniedBy(denied) }
          }
          const { run, budget } = attempt
          const outside = held === null ? null : { key, amounts: held.amounts }
          allowance = parts.budgets.attempt({ run, hold: holdKey(attempt), budget, outside })
          const denied = allowance.admit()
          if (denied !== null)
            return { ...failed(choice.why, exhausted(denied), member.agent.name), ...deniedBy(denied) }
        }
        if (signal.aborted) return failed(choice.why, cancelled, member.agent.name)
        // Much may have changed while it waited: then somebody else is chosen.
        if (
          closedBecause(member, now()) !== null ||
          member.engine.handle !== handle ||
          registry.byId(member.agent.id) !== member
        )
          continue
        const permitted = permit(member.breaker, breakerSettings(member.agent), now())
        member.breaker = permitted.breaker
        if (permitted.permit === null) continue
        const { name: agent, hash: agent_hash } = member.agent
        const started_at = now()
        const called = await callAgent(
          parts,
          member,
          handle,
          attempt,
          effect_key,
          permitted.permit,
          signal,
          allowance,
          {
            taken: (end) => {
              endCall = end
            },
          },
        )
        used = usedBy(called, parts.budgets)
        const could = called.ok ? {} : { could: whatElse(attempt, agent, handle, called.finding) }
        return {
          ...could,
          ...withMoney(called, parts.budgets),
          ...deniedWithin(called, allowance),
          agent,
          agent_hash,
          why: choice.why,
          effect_key,
          started_at,
          queued_ms: Math.max(0, started_at - arrived),
        }
      } finally {
        allowance?.close()
        place.value.release()
        if (held !== null) await parts.budgets?.settle(key, used)
      }
    }
  }
}

const notMade: Used = { calls: 0, tokens: 0, money: 0 }

/** Failures after which the work had certainly not begun (agent-system.ts, A7). */
const notBegun: ReadonlySet<Failure['kind']> = new Set([
  'busy',
  'unavailable',
  'refused',
  'not_found',
  'invalid_input',
  'unsupported',
  'model_missing',
])

function usedBy(called: Called, budgets: OutsideBudgets | undefined): Used {
  const usage = called.ok ? called.performed.usage : (called.usage ?? unknownUse(called.failure))
  const { input_tokens, output_tokens, calls, estimated } = usage
  const known = input_tokens !== null && output_tokens !== null
  return {
    calls,
    tokens: known ? input_tokens + output_tokens : null,
    money: pricedBy(called, usage, budgets).money ?? (known ? 0 : null),
    estimated,
  }
}

const unknownUse = ({ kind }: Failure): Usage =>
  notBegun.has(kind) ? noUse : { input_tokens: null, output_tokens: null, calls: 1 }
const noUse: Usage = { input_tokens: 0, output_tokens: 0, calls: 0 }

/** By the models that the gateway was asked for, where it counted; else by the one that the agent names. */
const pricedBy = (called: Called, usage: Usage, budgets: OutsideBudgets | undefined): Pick<Usage, 'money'> =>
  usage.money !== undefined
    ? { money: usage.money }
    : (budgets?.moneyFor(called.ok ? called.performed.model : null, usage) ?? {})

/** What a call used and cost is said where the price table is known: here. */
function withMoney(called: Called, budgets: OutsideBudgets | undefined): Called {
  if (!called.ok) {
    const usage = called.usage ?? unknownUse(called.failure)
    return { ...called, usage: { ...usage, ...pricedBy(called, usage, budgets) } }
  }
  const { performed } = called
  return {
    ...called,
    performed: { ...performed, usage: { ...performed.usage, ...pricedBy(called, performed.usage, budgets) } },
  }
}

/** Another agent, or a model on another host, may still have something left. */
const deniedBy = (denied: Denied): { denied: Denied; retryable: boolean } => ({
  denied,
  retryable: /^(agent|host):/.test(denied.account),
})

/** What broke because the budget ended its calls is the budget's: it would break again. */
function deniedWithin(called: Called, allowance: AttemptAllowance | undefined) {
  const denied = allowance?.denied() ?? null
  if (called.ok || denied === null || !endedByBudget.has(called.failure.kind)) return {}
  const { kind, message } = called.failure
  const failure = exhausted(denied)
  return {
    ...deniedBy(denied),
    failure: kind === 'budget_exhausted' ? failure : { ...failure, message: `${failure.message}, and so: ${message}` },
  }
}

const endedByBudget: ReadonlySet<Failure['kind']> = new Set(['budget_exhausted', 'agent_failed', 'output_invalid'])

const exhausted = (denied: Denied): Failure => ({
  kind: 'budget_exhausted',
  message: deniedText(denied),
  field: denied.account,
  remedy: 'Raise the budget, or wait for the next day where it is one of a day.',
})

const cancelled: Failure = { kind: 'cancelled', message: 'cancelled before the agent was asked' }
