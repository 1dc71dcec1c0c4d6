/**
 * Effects under a fleet that dies and is opened again over the same store: fast enough for a thousand faults. Death is a
 * store that takes no more writes and a call that nobody waits for; the next fleet knows only what was stored.
 */

import { agentSystemsWith } from '../../src/agent-systems/all.ts'
import { createFunctions } from '../../src/agent-systems/function/function.ts'
import { guardedFetch } from '../../src/agent-systems/outbound-guard.ts'
import type { AgentInput } from '../../src/agents/agent.ts'
import { ok } from '../../src/failure.ts'
import type { AttemptOutcome } from '../../src/fleet/fleet.ts'
import { type OpenFleet, openFleet } from '../../src/fleet/open-fleet.ts'
import { attempt as attemptOf } from '../../src/fleet/stand-ins.ts'
import type { ModelGateway } from '../../src/models/model-gateway.ts'
import { openStore } from '../../src/store/sqlite.ts'
import type { Store } from '../../src/store/store.ts'
import { quietLogger } from '../quiet-logger.ts'
import { type Dice, diceOf } from '../simulation/dice.ts'
import { testConfiguration } from '../test-configuration.ts'
import { builtLines, effectAgents, INSTRUCTIONS } from './effect-agents.ts'
import { type EffectKind, type Fault, openOutsideLedger } from './outside-ledger.ts'

/** Where the process may die besides in the middle of a request: around the writes of the ledger of effects. */
type Death = 'begin:before' | 'begin:after' | 'done:before' | 'done:after'
type Plan = Exclude<Fault, 'none'> | Death | 'none'

export type EffectTally = {
  faults: { [K in EffectKind]: number }
  /** Effects that took place more than once, or not at all though the task says done. */
  duplicates: string[]
  missing: string[]
  /** Tasks that came to no good end. */
  failed: string[]
  questions: number
  answered: { yes: number; no: number }
  /** Questions that did not name run, task, instructions and input. */
  inexact: string[]
}

export const emptyTally = (): EffectTally => ({
  faults: { payment: 0, thread: 0, build: 0, mail: 0 },
  duplicates: [],
  missing: [],
  failed: [],
  questions: 0,
  answered: { yes: 0, no: 0 },
  inexact: [],
})

/** A question is exact when a person finds out from it alone what to look for. */
export const isExact = (question: string, run: string, task: string): boolean =>
  question.startsWith('Did this happen?') &&
  question.includes(run) &&
  question.includes(task) &&
  question.includes(INSTRUCTIONS)

/** What happens to whatever a dead process still tries. */
class Dead extends Error {}

/** The effects of a process that can die: from then on nothing it does reaches the store. */
function mortal(
  effects: Store['effects'],
  planned: () => Plan,
  die: () => void,
  dead: () => boolean,
): Store['effects'] {
  const guarded =
    <A extends unknown[], T>(name: 'begin' | 'done' | null, work: (...args: A) => Promise<T>) =>
    async (...args: A): Promise<T> => {
      if (dead()) throw new Dead()
      if (planned() === `${name}:before`) {
        die()
        throw new Dead()
      }
      const value = await work(...args)
      if (dead()) throw new Dead()
      if (planned() === `${name}:after`) {
        die()
        throw new Dead()
      }
      return value
    }
  return {
    begin: guarded('begin', effects.begin),
    done: guarded('done', effects.done),
    get: guarded(null, effects.get),
    forget: guarded(null, effects.forget),
  }
}

function planOf(kind: EffectKind, dice: Dice): Plan[] {
  const broken = ['lost_before', 'lost_after', 'gateway_after'] as const
  const deaths = ['held_before', 'held_after'] as const
  const aroundWrites = ['begin:before', 'begin:after', 'done:before', 'done:after'] as const
  const written = kind === 'thread' || kind === 'mail'
  return Array.from({ length: dice.between(1, 3) }, () =>
    dice.one<Plan>([...broken, ...deaths, ...(written ? aroundWrites : [])]),
  )
}

/**
 * @param wanted faults on effects that must not happen twice by themselves; those on unsafe ones come on top
 * @param adjust sets the agents up in another way, to see what the measure says then
 */
export async function effectRestarts(
  data_dir: string,
  seed: number,
  wanted: number,
  progress: (text: string) => void,
  adjust: (agents: AgentInput[]) => AgentInput[] = (agents) => agents,
): Promise<EffectTally> {
  const dice = diceOf(seed)
  const tally = emptyTally()
  const opened = await openStore({ data_dir, namespace: 'default', now: Date.now })
  if (!opened.ok) throw new Error(opened.failure.message)
  const store = opened.value
  let plan: Plan = 'none'
  let died = Promise.withResolvers<'died'>()
  let alive = Symbol('first')
  const die = (kind: EffectKind): void => {
    tally.faults[kind]++
    plan = 'none'
    alive = Symbol('next')
    died.resolve('died')
  }
  const ledger = await openOutsideLedger(
    () => (plan === 'none' || plan.includes(':') ? 'none' : (plan as Fault)),
    (fault, { kind }) => {
      if (fault.startsWith('held')) return die(kind)
      tally.faults[kind]++
      plan = 'none'
    },
  )
  /** Past any wait of breaker and retry budget: what is looked at here are effects. */
  let clock = 1_700_000_000_000
  const configuration = testConfiguration(data_dir)

  const openMortal = async (kind: () => EffectKind): Promise<OpenFleet> => {
    const me = alive
    const fleet = await openFleet({
      configuration: { ...configuration, agents: adjust(effectAgents(ledger.url, 1)) },
      store: {
        ...store,
        effects: mortal(
          store.effects,
          () => plan,
          () => die(kind()),
          () => alive !== me,
        ),
      },
      gateway: {} as ModelGateway,
      systems: agentSystemsWith(createFunctions()),
      context: {
        fetch: guardedFetch({ allow: ['127.0.0.1'] }),
        secret: () => ok(''),
        work_dir: `${data_dir}/work`,
      },
      logger: quietLogger,
      now: () => clock,
      random: Math.random,
    })
    if (!fleet.ok) throw new Error(fleet.failure.message)
    return fleet.value
  }

  let current: EffectKind = 'payment'
  let fleet = await openMortal(() => current)
  const run = 'run_effects'
  const safe = (): number => tally.faults.payment + tally.faults.thread + tally.faults.build
  for (let n = 0; safe() < wanted; n++) {
    // A process is started for a build: fewer of them.
    current = dice.one(['payment', 'payment', 'payment', 'thread', 'thread', 'thread', 'thread', 'build', 'mail'])
    const task = `effects/${current}_${n}`
    const intent = `${run}/${task}`
    const faultsToCome = planOf(current, dice)
    let attempt = 1
    let output: unknown
    let done = false
    let why = 'it went on and on'
    // At most three faults, and a person's word after each.
    for (let turn = 0; turn < 20 && !done; turn++) {
      plan = faultsToCome.shift() ?? 'none'
      clock += 600_000
      died = Promise.withResolvers()
      const performing = fleet.perform(
        attemptOf(task, { run, attempt, capability: current, instructions: INSTRUCTIONS }),
        { signal: new AbortController().signal },
      )
      const outcome: AttemptOutcome | 'died' = await Promise.race([performing, died.promise])
      if (outcome === 'died') {
        // The engine asks the next process for the very same attempt.
        void fleet.close()
        fleet = await openMortal(() => current)
        continue
      }
      plan = 'none'
      if (outcome.ok) {
        done = true
        output = outcome.performed.output
      } else if (outcome.failure.kind === 'effect_unknown') {
        tally.questions++
        if (!isExact(outcome.failure.message, run, task)) tally.inexact.push(outcome.failure.message)
        // The person looks at the destination.
        const yes = ledger.happened(intent) > 0
        tally.answered[yes ? 'yes' : 'no']++
        if (yes) done = true
        else attempt++
      } else if (outcome.retryable) {
        attempt++
        why = outcome.failure.message
      } else {
        why = outcome.failure.message
        break
      }
    }
    const times = current === 'build' ? builtLines(output, intent) : ledger.happened(intent)
    if (!done) tally.failed.push(`${intent}: ${why}`)
    else if (times === 0) tally.missing.push(intent)
    if (times > 1) tally.duplicates.push(intent)
    if (n % 100 === 99) progress(`${n + 1} effects, ${safe()} of ${wanted} faults in process`)
  }
  await fleet.close()
  await ledger.close()
  await store.close()
  return tally
}
