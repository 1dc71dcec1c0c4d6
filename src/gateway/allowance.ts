/**
 * What a model call may use, and the one way to use it: reserve before, settle after. The gateway asks for nothing else
 * of a budget, so whatever keeps the budget (one run today) can stand behind this.
 *
 * Promises:
 * 1. `reserve` takes the whole amount or nothing, at once: of calls that ask at the same time for the last bit of a
 *    budget, exactly those pass that it holds.
 * 2. What is reserved and not settled counts as used.
 * 3. Use is never refused afterwards: `settle` also books what went beyond the reservation.
 */
import type { Result } from '../failure.ts'

/** Input and output tokens together; both whole numbers from 0. */
export type Spend = { calls: number; tokens: number }

/** Made by `reserve`, handed back to `settle`; opaque but for its amount. */
export type Reservation = { readonly amount: Spend }

export type Allowance = {
  /** `budget_exhausted`, whose message names the budget, when not all of it is left. */
  reserve: (estimate: Spend) => Result<Reservation>
  /** Books what was really used in place of the reservation. The first time counts; repeats do nothing. */
  settle: (reservation: Reservation, used: Spend) => void
  /** Null where nothing bounds it. */
  remaining: () => { calls: number | null; tokens: number | null }
}
