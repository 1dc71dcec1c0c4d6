/**
 * Effects that must not happen twice: written ahead, asked about, remembered.
 *
 * Invariants:
 *  E1. A `reconcilable` or `unsafe` call is begun only after its record is durable, or after the destination or a person
 *      has said that the effect did not happen.
 *  E2. A recorded result is returned without calling anybody.
 *  E3. A record is forgotten only when the work was certainly not begun (see `before_effect` in failure-blame.ts).
 *  E4. Only the destination that was called is asked what became of it.
 *  E5. A pending record of the same attempt means an execution that was interrupted. One of an earlier attempt means that
 *      the run has decided to go on: a person said that it did not happen, or the destination may be asked.
 */

import type { AgentTask, Performed } from '../agent-systems/agent-system.ts'
import { blame } from '../agents/failure-blame.ts'
import { excerpt, type Failure, ok, type Result } from '../failure.ts'
import type { EffectTry, Store } from '../store/store.ts'
import type { EffectClass } from '../workflow/definition.ts'
import type { Json } from '../workflow/value.ts'
import type { Logger } from './member.ts'

/** Whether a repetition of the effect is a defect: those are written ahead. */
export const isGuarded = (effect: EffectClass): boolean => effect === 'reconcilable' || effect === 'unsafe'

export type LedgerParts = { effects: Store['effects']; logger: Logger }

export type LedgerCall = {
  task: AgentTask
  effect: EffectClass
  by: EffectTry
  /** An earlier execution of this attempt was interrupted, or this is a later attempt: the record may know more. */
  again: boolean
  perform: () => Promise<Result<Performed>>
  /** Whether the agent that is called now can be asked later what became of it. */
  canReconcile: boolean
  /** Asks the agent that was called before, by its id. Null: it cannot be asked (removed, or knows no answer). */
  reconcile: (agent: string) => Promise<Result<Performed | null>> | null
  agentName: (id: string) => string
}

/** Carries out a call under the rule of its effect class. `called` = whether the agent was asked to do it just now. */
export async function withLedger(
  parts: LedgerParts,
  call: LedgerCall,
): Promise<{ result: Result<Performed>; called: boolean }> {
  const { effects } = parts
  const key = call.task.effect_key
  const guarded = isGuarded(call.effect)
  if (!guarded && !call.again) return { result: repeatable(await call.perform()), called: true }

  const record = guarded ? await effects.begin(key, call.task.run, call.task.task, call.by) : await effects.get(key)
  if (record?.state === 'done') return { result: ok(record.result as unknown as Performed), called: false }
  if (record?.state === 'pending') {
    const settled = await settlePending(parts, call, record.by)
    if (settled !== null) return { result: settled, called: false }
    await effects.forget(key)
    if (guarded) {
      const fresh = await effects.begin(key, call.task.run, call.task.task, call.by)
      // Somebody else began it between the two writes: as uncertain as before.
      if (fresh.state !== 'new') return { result: question(call, call.by.agent), called: false }
    }
  }
  const result = await call.perform()
  return { result: guarded ? await writeOutcome(parts, call, result) : repeatable(result), called: true }
}

/** What became of a call that was begun and whose end nobody saw. Null: it did not happen, go on. */
async function settlePending(
  parts: LedgerParts,
  call: LedgerCall,
  before: EffectTry,
): Promise<Result<Performed> | null> {
  const asked = call.reconcile(before.agent)
  if (asked === null) return before.attempt < call.by.attempt ? null : question(call, before.agent)
  const answer = await asked
  if (!answer.ok) return answer
  if (answer.value === null) return null
  await parts.effects.done(call.task.effect_key, answer.value as unknown as Json)
  return ok(answer.value)
}

async function writeOutcome(
  parts: LedgerParts,
  call: LedgerCall,
  result: Result<Performed>,
): Promise<Result<Performed>> {
  const key = call.task.effect_key
  if (result.ok) {
    try {
      await parts.effects.done(key, result.value as unknown as Json)
    } catch (error) {
      // It happened, and the run learns so; only a crash before that is stored would make us ask a person.
      parts.logger.error(
        { run: call.task.run, task: call.task.task, error: String(error) },
        'the result of an effect could not be recorded',
      )
    }
    return result
  }
  if (blame[result.failure.kind].before_effect) {
    await parts.effects.forget(key)
    return result
  }
  // The next attempt asks the destination before anything else.
  if (call.effect === 'reconcilable' && call.canReconcile) return repeatable(result)
  return question(call, call.by.agent, result.failure)
}

/** An effect that may be unknown, and may be repeated or asked about: a failure like any other. */
const repeatable = (result: Result<Performed>): Result<Performed> =>
  !result.ok && result.failure.kind === 'effect_unknown'
    ? { ok: false, failure: { ...result.failure, kind: 'agent_failed' } }
    : result

function question(call: LedgerCall, agent: string, cause?: Failure): Result<never> {
  const { task } = call
  const why = cause === undefined ? 'Quorate was interrupted while it waited for the answer' : cause.message
  return {
    ok: false,
    failure: {
      kind: 'effect_unknown',
      message:
        `Did this happen? Agent ${call.agentName(agent)} was asked, in ${task.run}, task ${task.task}: ` +
        `"${excerpt(task.instructions, 200)}" with ${excerpt(task.input, 200)}. ${why}, so its effect may have taken place or not.`,
      remedy: 'look at the destination; answer yes (the task counts as done) or no (it is done again)',
    },
  }
}
