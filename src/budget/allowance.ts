/**
 * What the model calls of one attempt may use, and the one way to use it: reserve before, settle after. Whoever asks
 * models on behalf of an attempt knows nothing else of budgets.
 *
 * Promises:
 *  1. `reserve` takes the whole amount or nothing, at once: of calls that ask at the same time for the last bit of a
 *     budget, exactly those pass that it holds.
 *  2. What is reserved and not settled counts as used.
 *  3. Use is never refused afterwards: `settle` also books what went beyond the reservation.
 *  4. What is left is asked for at every step, so a raised budget is there for calls that are under way.
 */
import type { Failure, Result } from '../failure.ts'
import type { Amounts, CountedUnit } from './amounts.ts'

/** Made by `reserve`, handed back to `extend` and `settle`; `amount` grows with `extend`. */
export type Reservation = { readonly amount: Readonly<Amounts> }

export type Allowance = {
  /** `budget_exhausted`, whose message names the budget, when not all of it is left. Waits where several runs draw on one. */
  reserve: (amount: Amounts) => Promise<Result<Reservation>>
  /** Makes a reservation as large as this while its call goes on; at once. Null = done; else it is as it was. */
  extend: (reservation: Reservation, to: Amounts) => Failure | null
  /** Books what was really used in place of the reservation. The first time counts; repeats do nothing. */
  settle: (reservation: Reservation, used: Amounts) => void
  /** Null where nothing bounds it. */
  remaining: () => { [U in CountedUnit]: number | null }
  /** Books use of which nobody asked before: of this attempt before a crash. */
  charge: (used: Amounts) => void
  /** What tokens of a model (`host/model`, null = not known) cost, in millionths; null where nothing has a price. */
  cost: (model: string | null, input_tokens: number, output_tokens: number) => number | null
}

/** For attempts that no budget concerns. */
export const unbounded: Allowance = {
  reserve: async (amount) => ({ ok: true, value: { amount } }),
  extend: () => null,
  settle: () => {},
  remaining: () => ({ calls: null, tokens: null, money: null }),
  charge: () => {},
  cost: () => null,
}
