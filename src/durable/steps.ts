/**
 * Carries out one step of a run and says what came of it as an input for `next`. Whatever goes wrong outside becomes
 * an input too; only what must be asked again (shutting down, a store that fails) is thrown.
 */
import { setTimeout as wait } from 'node:timers/promises'
import { type Amounts, nothing } from '../budget/amounts.ts'
import { PLAN_OUTPUT, PLAN_PROMPT_TOKENS } from '../budget/estimate.ts'
import type { Denied, Used } from '../budget/tree.ts'
import type { Fleet, OutsideBudgets } from '../fleet/fleet.ts'
import { agreement } from '../metrics/agreement.ts'
import { planProposed, planRequest } from '../planning/plan-step.ts'
import type { Planner, PlanProposal } from '../planning/planner.ts'
import type { Finding } from '../progress/finding.ts'
import type { RunRow, Store } from '../store/store.ts'
import { callKey, deniedText } from '../workflow/call-budget.ts'
import { type CallAgent, type CallBudget, type PinnedBudget, planOf, type Step } from '../workflow/command.ts'
import type { Lineage } from '../workflow/decomposition/state.ts'
import type { EventData, RunInput, Usage } from '../workflow/event.ts'
import { hasEnded } from '../workflow/run-state.ts'
import type { Json, Value } from '../workflow/value.ts'
import { divide } from './divide.ts'
import { ShuttingDown } from './flights.ts'
import { patiently } from './patiently.ts'
import { usedBeforeItDied } from './run-budgets.ts'
import { boundAgents } from './upgrade.ts'
import { keepParts, keepValue, resolveValue } from './values.ts'

/** What a run that another one starts is told besides. */
export type StartMore = {
  parent?: { run: string; stage: string }
  budget?: PinnedBudget | undefined
  decomposition?: Lineage | undefined
}

export type StepContext = {
  store: Store
  fleet: Fleet
  planner: Planner
  now: () => number
  budgets: OutsideBudgets | undefined
  /** Whether the program before this one may have begun this call: then nobody knows what became of it. */
  mayHaveBegun: (run: string, asked_at: number) => Promise<boolean>
  /** Starts another run; used by `start_run`. */
  start: (
    child: {
      run: string
      definition: string
      inputs: { [name: string]: Value }
      parent: { run: string; stage: string }
    } & StartMore,
  ) => Promise<{ started: true } | { started: false; reason: string }>
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
    case 'read_items':
      return readItems(context, step)
    case 'start_run':
      return startRun(context, run, step)
    case 'divide': {
      const { task, attempt, budget } = step
      const call = { task: planOf(task), attempt }
      const died = budget !== undefined && (await leftBehind(context, run, budget, call))
      const input = await divide(context, run, step, died, signal)
      passOn(signal)
      return input
    }
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
  if (step.budget !== undefined && (await leftBehind(context, run, step.budget, step)))
    return failed(INTERRUPTED, {
      retryable: true,
      interrupted: true,
      usage: await interruptedUse(context, run, step, step.budget.amounts.tokens),
    })
  if (step.delay_ms > 0) await wait(step.delay_ms, undefined, { signal }).catch(() => undefined)
  passOn(signal)
  if (signal.aborted) return failed({ kind: 'cancelled', message: 'called off before it began' })
  const input = await resolveValue(store, step.input as Value)
  if (!input.ok) return failed(input.failure)
  const { do: _, delay_ms: __, ...attempt } = step
  const outcome = await fleet.perform(
    {
      ...attempt,
      run,
      input: input.value as { [name: string]: Json },
      arguments: step.input as { [name: string]: Value },
      repeated: false,
    },
    { signal },
  )
  passOn(signal)
  const { duration_ms, queued_ms, why } = outcome
  if (!outcome.ok)
    return failed(outcome.failure, {
      agent: outcome.agent,
      retryable: outcome.retryable,
      ...(outcome.denied !== undefined && { denied: outcome.denied }),
      // Nobody knows what a call that broke has used, unless its models were asked through the gateway.
      usage:
        outcome.usage ??
        (outcome.agent === null || outcome.denied !== undefined
          ? NO_USAGE
          : { input_tokens: null, output_tokens: null, calls: 1 }),
      duration_ms,
      queued_ms,
      why,
      ...(outcome.agent_hash !== undefined && { agent_hash: outcome.agent_hash }),
      ...(outcome.could !== undefined && { could: outcome.could }),
      ...(outcome.finding?.detector === 'lease' && { interrupted: true as const }),
      ...(outcome.finding !== undefined && { finding: await keptFinding(store, outcome.finding, signal) }),
    })
  const { performed } = outcome
  const { prompt } = performed
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
      output: await patiently(signal, () => keepValue(store, performed.output)),
      usage: performed.usage,
      duration_ms,
      queued_ms,
      ...(performed.model_queued_ms !== undefined && { model_queued_ms: performed.model_queued_ms }),
      ...(performed.load_ms !== undefined && { load_ms: performed.load_ms }),
      why,
      ...(prompt === undefined ? {} : { prompt: await patiently(signal, () => keepValue(store, prompt)) }),
      effect_key: outcome.effect_key,
      ...(typeof choice === 'string' ? { ballot: choice } : {}),
      ...(outcome.agent_hash !== undefined && { agent_hash: outcome.agent_hash }),
      ...(performed.model_digest !== undefined && { model_digest: performed.model_digest }),
      ...(outcome.finding !== undefined && { finding: outcome.finding }),
    },
  }
}

/** What a detector saw is kept beside the log, so that it can be asked again. */
const keptFinding = async (store: Store, finding: Finding, signal: AbortSignal): Promise<Finding> =>
  finding.observed === undefined
    ? finding
    : { ...finding, observed: await patiently(signal, () => keepValue(store, finding.observed as Json)) }

const INTERRUPTED = {
  kind: 'agent_failed',
  message: 'Quorate ended while this call was in hand; it is charged in full and made again',
} as const

/**
 * A call of a run with a budget that an earlier start of the program had in hand: what it used is not known, so it is
 * charged in full and asked for anew. Without an account that several runs draw on nothing says whether it had begun;
 * then it counts as begun.
 */
async function leftBehind(
  context: StepContext,
  run: string,
  budget: CallBudget,
  step: Pick<CallAgent, 'task' | 'attempt'>,
): Promise<boolean> {
  if (!(await context.mayHaveBegun(run, budget.asked_at))) return false
  return budget.accounts.length === 0 || (await context.budgets?.died(callKey({ ...step, run }))) !== false
}

async function interruptedUse({ store, budgets }: StepContext, run: string, step: CallAgent, reserved: number) {
  const usage = await usedBeforeItDied(store, run, step, reserved)
  return { ...usage, ...budgets?.moneyFor(null, usage) }
}

async function plan(
  context: StepContext,
  run: string,
  step: Extract<Step, { do: 'plan' }>,
  signal: AbortSignal,
): Promise<RunInput> {
  const { store, planner, fleet, now } = context
  const key = `${run}/plan#${step.attempt}`
  const held = step.template ? null : await reservePlan(context, key, step)
  if (held !== null && held.denied !== null) return planDenied(context, step.attempt, held.denied)
  const proposal = await planner.propose(planRequest(run, step, fleet.capabilities()), signal)
  if (held !== null) await context.budgets?.settle(key, usedByPlan(context, proposal))
  passOn(signal)
  const { definition } = proposal
  const stored =
    definition === null
      ? null
      : await patiently(signal, () => store.definitions.put(definition, 'planner', `planned for ${run}`))
  return {
    at: now(),
    type: 'plan_proposed',
    data: {
      ...planProposed(step.attempt, proposal, stored, await keepValue(store, proposal.raw)),
      usage: { ...proposal.usage, ...context.budgets?.moneyFor(proposal.model, proposal.usage) },
      ...(stored !== null && (await boundAgents(fleet, stored.definition))),
    },
  }
}

/** The planner's calls count, too. What of it has a limit is what the configuration limits for all runs. */
const reservePlan = async (
  { budgets }: StepContext,
  key: string,
  { goal, problems }: Extract<Step, { do: 'plan' }>,
): Promise<{ denied: Denied | null } | null> =>
  (await budgets?.reserve({
    key,
    agent: null,
    host: null,
    budget: undefined,
    text: () => `${goal}${problems.join('')}${' '.repeat(PLAN_PROMPT)}`,
    max_output_tokens: PLAN_OUTPUT,
  })) ?? null

/** Characters of the planner's own instructions and of the schema, on the high side. */
const PLAN_PROMPT = PLAN_PROMPT_TOKENS * 3

function usedByPlan({ budgets }: StepContext, { usage, model }: PlanProposal): Used {
  const { input_tokens, output_tokens, calls } = usage
  const known = input_tokens !== null && output_tokens !== null
  const money = budgets?.moneyFor(model, usage).money ?? (known ? 0 : null)
  return { calls, tokens: known ? input_tokens + output_tokens : null, money }
}

const planDenied = ({ now }: StepContext, attempt: number, denied: Denied): RunInput => ({
  at: now(),
  type: 'plan_proposed',
  data: {
    attempt,
    source: 'model',
    definition: null,
    name: null,
    problems: [],
    model: null,
    usage: NO_USAGE,
    analysis: null,
    raw: null,
    failure: { kind: 'budget_exhausted', message: deniedText(denied) },
    denied,
    duration_ms: 0,
  },
})

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
  const keyed = Object.fromEntries(step.outputs.map(({ task, output }) => [task, output])) as Value
  const at = now()
  return {
    at,
    type: 'collected',
    data: {
      stage: step.stage,
      output: await keepParts(store, keyed),
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

/** Items of a list that one event brings, and bytes after which it brings no more. */
const ITEMS_AT_ONCE = 500
const ITEM_BYTES = 64_000

async function readItems(
  { store, now }: StepContext,
  { stage, list, from }: Extract<Step, { do: 'read_items' }>,
): Promise<RunInput> {
  const resolved = await resolveValue(store, list)
  const items: Value[] = []
  if (resolved.ok && Array.isArray(resolved.value))
    for (
      let bytes = 0, i = from;
      i < resolved.value.length && items.length < ITEMS_AT_ONCE && bytes < ITEM_BYTES;
      i++
    ) {
      const item = await keepValue(store, resolved.value[i] ?? null)
      items.push(item)
      bytes += Buffer.byteLength(JSON.stringify(item))
    }
  return {
    at: now(),
    type: 'items_read',
    data: { stage, from, items, ...(!resolved.ok && { failure: resolved.failure }) },
  }
}

async function startRun(
  context: StepContext,
  run: string,
  step: Extract<Step, { do: 'start_run' }>,
): Promise<RunInput | null> {
  const { store, now } = context
  const finished = (
    status: string,
    output: Value,
    more: Pick<Extract<RunInput, { type: 'child_finished' }>['data'], 'used' | 'goal_met'> = {},
  ): RunInput => ({
    at: now(),
    type: 'child_finished',
    data: { stage: step.stage, run: step.run, status, output, ...more },
  })
  const known: RunRow | null = await store.runs.get(step.run)
  if (known !== null) {
    if (!hasEnded(known.status)) return null
    const last = await endOf(store, step.run, known.seq)
    const goal_met = last?.success.every(({ met }) => met === true) ?? false
    const report = step.decomposition === undefined ? {} : { goal_met }
    return finished(known.status, last?.output ?? null, { used: usedBy(known), ...report })
  }
  const started = await context.start({
    run: step.run,
    definition: step.definition,
    inputs: step.inputs,
    parent: { run, stage: step.stage },
    ...(step.budget === undefined ? {} : { budget: step.budget }),
    ...(step.decomposition === undefined ? {} : { decomposition: step.decomposition }),
  })
  return started.started ? null : finished('failed', started.reason)
}

const usedBy = ({ calls, input_tokens, output_tokens }: RunRow): { spent: Amounts; estimated: Amounts } => ({
  spent: { calls, tokens: input_tokens + output_tokens, money: 0 },
  estimated: nothing(),
})

/** What a run ended with; its last event says it. */
async function endOf(store: Store, run: string, seq: number): Promise<EventData['run_finished'] | null> {
  const last = (await store.events.read(run, seq - 1, 1))[0]
  return last?.type === 'run_finished' ? last.data : null
}
