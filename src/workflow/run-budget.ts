/** The budget of a run, within its state. `budget.ts` opens and raises it, `call-budget.ts` pays from it. */
import type { Price } from '../budget/prices.ts'
import type { Tree } from '../budget/tree.ts'
import type { OutsideAccount } from './command.ts'

/** The run's own account. No stage can be called so. */
export const RUN_ACCOUNT = 'run'

export type RunBudget = {
  tree: Tree
  /** Accounts of the runs above, nearest first. */
  outside: OutsideAccount[]
  /** Child runs draw on the accounts of this run. */
  shared: boolean
  /** Whether something limits tokens or money, so that they are estimated. */
  estimates: boolean
  price: Price
  /** Levels of runs that may stand below this one. */
  depth: number | null
  fan_out: number | null
  wall_clock_ms: number | null
  /** Share of the time that is kept for the close-out, in milliseconds. */
  kept_ms: number
  told_of_time: boolean
  when_used_up: 'close_out' | 'park'
  /** Tasks that wait until the budget is raised, by address. */
  parked: string[]
  /** Accounts that have denied something. */
  used_up: { [account: string]: true }
  raised: number
}
