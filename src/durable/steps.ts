/**
 * Carries out one step of a run and says what came of it as an input for `next`. Whatever goes wrong outside becomes
 * an input too; only what must be asked again (shutting down, a store that fails) is thrown.
 */
import { setTimeout as wait } from 'node:timers/promises'
import type { Fleet } from '../fleet/fleet.ts'
import { agreement } from '../metrics/agreement.ts'
import { planProposed, planRequest } from '../planning/plan-step.ts'
import type { Planner } from '../planning/planner.ts'
import type { RunRow, Store } from '../store/store.ts'
import type { CallAgent, Step } from '../workflow/command.ts'
import type { RunInput, Usage } from '../workflow/event.ts'
import { hasEnded } from '../workflow/run-state.ts'
import type { Json, Value } from '../workflow/value.ts'
import { ShuttingDown } from './flights.ts'
import { keepValue, resolveValue } from './values.ts'

export type StepContext = {
  store: Store
  fleet: Fleet
  planner: Planner
  now: () => number
  /** Starts another run; used by `start_run`. */
  start: (child: {
    run: string
    definition: string
    inputs: { [name: string]: Value }
    parent: { run: string; stage: string }
  }) => Promise<{ started: true } | { started: false; reason: string }>
}

const NO_USAGE: Usage = { input_tokens: 0, output_tokens: 0, calls: 0 }

/** Null when nothing is to be fed now (a child run answers by mail). */
export async function performStep(
  context: StepContext,
  run: string,
  step: Step,
  signal: AbortSignal,
): Promise<RunInput | null> {
  switch (step.do) {
    case 'call_agent':
      return callAgent(context, run, step, signal)
    case 'plan':
      return plan(context, run, step, signal)
    case 'collect':
      return collect(context, step)
    case 'start_run':
      return startRun(context, run, step)
  }
}

/** Throws when the work was interrupted for a reason that is not the agent's: it has to be asked again. */
function passOn(signal: AbortSignal): void {
  if (signal.aborted && signal.reason instanceof ShuttingDown) throw signal.reason
}

async function callAgent(context: StepContext, run: string, step: CallAgent, signal: AbortSignal): Promise<RunInput> {
  const { store, fleet, now } = context
  const failed = (
    failure: import('../failure.ts').Failure,
    more: Partial<Extract<RunInput, { type: 'task_failed' }>['data']> = {},
  ): RunInput => ({
    at: now(),
    type: 'task_failed',
    data: {
      task: step.task,
      attempt: step.attempt,
      agent: null,
      failure,
      retryable: false,
      usage: NO_USAGE,
      duration_ms: 0,
      queued_ms: 0,
      why: '',
      ...more,
    },
  })
  if (step.delay_ms > 0) await wait(step.delay_ms, undefined, { signal }).catch(() => undefined)
  passOn(signal)
  if (signal.aborted) return failed({ kind: 'cancelled', message: 'called off before it began' })
  const input = await resolveValue(store, step.input as Value)
  if (!input.ok) return failed(input.failure)
  const { do: _, delay_ms: __, ...attempt } = step
  const outcome = await fleet.perform(
    { ...attempt, run, input: input.value as { [name: string]: Json }, repeated: false },
    { signal },
  )
  passOn(signal)
  const { duration_ms, queued_ms, why } = outcome
  if (!outcome.ok)
    return failed(outcome.failure, {
      agent: outcome.agent,
      retryable: outcome.retryable,
      // Nobody knows what a call that broke has used.
      usage: outcome.agent === null ? NO_USAGE : { input_tokens: null, output_tokens: null, calls: 1 },
      duration_ms,
      queued_ms,
      why,
    })
  const { performed } = outcome
  const choice =
    typeof performed.output === 'object' && performed.output !== null && !Array.isArray(performed.output)
      ? performed.output['choice']
      : undefined
  return {
    at: now(),
    type: 'task_finished',
    data: {
      task: step.task,
      attempt: step.attempt,
      agent: outcome.agent ?? '',
      model: performed.model,
      output: await keepValue(store, performed.output),
      usage: performed.usage,
      duration_ms,
      queued_ms,
      why,
      ...(performed.prompt === undefined ? {} : { prompt: await keepValue(store, performed.prompt) }),
      effect_key: outcome.effect_key,
      ...(typeof choice === 'string' ? { ballot: choice } : {}),
    },
  }
}

async function plan(
  context: StepContext,
  run: string,
  step: Extract<Step, { do: 'plan' }>,
  signal: AbortSignal,
): Promise<RunInput> {
  const { store, planner, fleet, now } = context
  const proposal = await planner.propose(planRequest(run, step, fleet.capabilities()), signal)
  passOn(signal)
  const stored =
    proposal.definition === null
      ? null
      : await store.definitions.put(proposal.definition, 'planner', `planned for ${run}`)
  return {
    at: now(),
    type: 'plan_proposed',
    data: planProposed(step.attempt, proposal, stored, await keepValue(store, proposal.raw)),
  }
}

/** Bytes of outputs that are compared with each other; beyond, agreement is null with the reason. */
const COMPARED_BYTES = 4_000_000

async function collect(context: StepContext, step: Extract<Step, { do: 'collect' }>): Promise<RunInput> {
  const { store, now } = context
  const resolved = await resolveValue(store, step.outputs.map((output) => output.output) as Value, COMPARED_BYTES)
  const compared = resolved.ok
    ? agreement(
        (resolved.value as Json[]).map((output) => (typeof output === 'string' ? output : JSON.stringify(output))),
      )
    : { value: null, reason: `the outputs are too large to compare (${resolved.failure.message})` }
  const keyed: { [key: string]: Json } = Object.fromEntries(
    step.outputs.map(({ task, output }) => [task, output as Json]),
  )
  const at = now()
  return {
    at,
    type: 'collected',
    data: {
      stage: step.stage,
      output: await keepValue(store, keyed),
      metrics: {
        n: step.n,
        succeeded: step.succeeded,
        failed: step.failed,
        agreement: compared.value,
        ...(compared.reason === undefined ? {} : { agreement_reason: compared.reason }),
        tokens: step.tokens,
        duration_ms: at - step.started_at,
      },
    },
  }
}

async function startRun(
  context: StepContext,
  run: string,
  step: Extract<Step, { do: 'start_run' }>,
): Promise<RunInput | null> {
  const { store, now } = context
  const finished = (status: string, output: Value): RunInput => ({
    at: now(),
    type: 'child_finished',
    data: { stage: step.stage, run: step.run, status, output },
  })
  const known: RunRow | null = await store.runs.get(step.run)
  if (known !== null)
    return hasEnded(known.status) ? finished(known.status, await resultOf(store, step.run, known.seq)) : null
  const started = await context.start({
    run: step.run,
    definition: step.definition,
    inputs: step.inputs,
    parent: { run, stage: step.stage },
  })
  return started.started ? null : finished('failed', started.reason)
}

/** The output that a run ended with; its last event says it. */
export async function resultOf(store: Store, run: string, seq: number): Promise<Value> {
  const last = (await store.events.read(run, seq - 1, 1))[0]
  return last?.type === 'run_finished' ? last.data.output : null
}
