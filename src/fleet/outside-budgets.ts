/**
 * Budgets beyond the state of one run, and what attempts use of all of them while they go on (src/budget/attempt-ledger.ts).
 * Those that several runs draw on: those of the runs above a call, and the limits of the configuration (in all, for
 * the day, for each agent and model host for the day). Days are those of UTC. A call that nothing of this limits costs
 * nothing here: no transaction, no promise of the store.
 */
import { type Amounts, type Limits, moneyOf, nothing } from '../budget/amounts.ts'
import { attemptLedger } from '../budget/attempt-ledger.ts'
import { estimate, FRAME_TOKENS, tokensOf } from '../budget/estimate.ts'
import { costOf, dearest, priceOf } from '../budget/prices.ts'
import type { Used } from '../budget/tree.ts'
import type { Configuration } from '../configuration/configuration.ts'
import type { Reservation, Store } from '../store/store.ts'
import type { OutsideBudgets, OutsideCall } from './fleet.ts'
import type { Logger } from './member.ts'

/** A process that has not shown itself for this long is taken for dead, and what it held is charged. */
const ALIVE_MS = 60_000
const BEAT_MS = 15_000
const DIED: Used = { calls: null, tokens: null, money: null }

export function openOutsideBudgets(parts: {
  configuration: Pick<Configuration, 'budgets' | 'models'>
  store: Pick<Store, 'budgets'>
  /** Names this process among those that share the store. */
  owner: string
  now: () => number
  logger: Logger
  /** Host of the manager's own model, which plans; null while there is none. */
  own_host?: () => string | null
}): OutsideBudgets {
  const { store, owner, now, logger } = parts
  const { total, daily, agents_daily, model_hosts_daily, prices } = parts.configuration.budgets
  const free = freeHosts(parts.configuration)
  const limitsOf = (budget: Configuration['budgets']['total']): Limits | null => {
    if (budget === null) return null
    const { calls, tokens, money } = budget
    return {
      ...(calls !== undefined && { calls }),
      ...(tokens !== undefined && { tokens }),
      ...(money !== undefined && { money: moneyOf(money) }),
    }
  }
  const configured = (id: string, budget: Configuration['budgets']['total']): Reservation['accounts'] => {
    const limits = limitsOf(budget)
    return limits === null ? [] : [{ id, limits, keep: nothing(), configured: true }]
  }
  const accountsOf = ({ agent, host: named, budget }: OutsideCall): Reservation['accounts'] => {
    const host = named ?? parts.own_host?.() ?? null
    const day = new Date(now()).toISOString().slice(0, 10)
    return [
      ...(budget?.accounts ?? []),
      ...(agent === null ? [] : configured(`agent:${agent}:${day}`, own(agents_daily, agent))),
      ...(host === null ? [] : configured(`host:${host}:${day}`, own(model_hosts_daily, host))),
      ...configured(`day:${day}`, daily),
      ...configured('total', total),
    ]
  }

  const cost = (model: string | null, input_tokens: number, output_tokens: number): number | null =>
    Object.keys(prices).length === 0 ? null : costOf(priceOf(prices, model, free).price, input_tokens, output_tokens)
  const ledger = attemptLedger(store.budgets.more)
  let held = 0
  const beat = setInterval(() => {
    const at = now()
    const work = (held > 0 ? store.budgets.alive(owner, at + ALIVE_MS) : Promise.resolve()).then(() =>
      store.budgets.charge_left_behind(at),
    )
    work.then(
      (charged) => charged > 0 && logger.info({ charged }, 'calls that died were charged in full'),
      () => undefined,
    )
  }, BEAT_MS).unref()

  return {
    async reserve(call) {
      const accounts = accountsOf(call)
      if (accounts.length === 0) return null
      const amounts: Amounts = call.budget?.amounts.tokens
        ? call.budget.amounts
        : estimate({
            prompt_tokens: FRAME_TOKENS + tokensOf(call.text()),
            max_output_tokens: call.max_output_tokens,
            left: null,
            price: dearest(prices),
          }).amounts
      const { denied } = await store.budgets.reserve({
        key: call.key,
        owner,
        alive_until: now() + ALIVE_MS,
        amounts,
        accounts,
        purpose: call.budget?.purpose ?? 'work',
      })
      if (denied === null) held++
      return { denied, amounts }
    },
    async settle(key, used) {
      held--
      await store.budgets.settle(key, used)
    },
    attempt: (of) => ledger.open({ ...of, cost }),
    seen: ledger.seen,
    died: (key) => store.budgets.settle(key, DIED),
    moneyFor(model, { input_tokens, output_tokens, calls }) {
      if (Object.keys(prices).length === 0) return {}
      if (calls === 0) return { money: 0 }
      if (input_tokens === null || output_tokens === null) return { money: null }
      return { money: cost(model, input_tokens, output_tokens) }
    },
    close: () => clearInterval(beat),
  }
}

/** Hosts whose models cost nothing unless the table says so: those of this machine, and Ollama. */
const freeHosts = ({ models }: Pick<Configuration, 'models'>): string[] => [
  'local',
  'ollama',
  ...models.hosts.filter(({ kind }) => kind === 'ollama').map(({ name }) => name),
]

const own = <T>(record: { [name: string]: T }, name: string): T | null =>
  Object.hasOwn(record, name) ? (record[name] as T) : null
