/**
 * The bound of one attempt, within whatever bounds its run: what was left for it in the tree of budgets (src/budget) when
 * it was asked for, its own reservation included. So the budgets of a stage, of the request and of the runs above hold in
 * mid-stream, too, and not only that of the run's definition.
 */
import { fail } from '../failure.ts'
import type { Reservation, Spend } from './allowance.ts'
import type { AttemptAllowance } from './run-allowances.ts'

/** Null = unbounded. */
export type AttemptLimit = { [U in keyof Spend]: number | null }

export function withinLimit(limit: AttemptLimit, outer: AttemptAllowance): AttemptAllowance {
  const used: Spend = { calls: 0, tokens: 0 }
  const open = new Set<Reservation>()
  const left = (unit: keyof Spend): number | null => {
    const most = limit[unit]
    if (most === null) return null
    let reserved = 0
    for (const { amount } of open) reserved += amount[unit]
    return Math.max(0, most - used[unit] - reserved)
  }
  const book = (spent: Spend): void => {
    used.calls += spent.calls
    used.tokens += spent.tokens
  }
  const least = (a: number | null, b: number | null): number | null =>
    a === null ? b : b === null ? a : Math.min(a, b)
  return {
    reserve(amount) {
      for (const unit of ['calls', 'tokens'] as const) {
        const rest = left(unit)
        if (rest !== null && amount[unit] > rest)
          return fail(
            'budget_exhausted',
            `Of ${limit[unit]} ${unit} that were left for this attempt, ${rest} are left.`,
            {
              field: `budget.${unit}`,
              value: String(limit[unit]),
              remedy: 'End with what there is; a person may raise the budget.',
            },
          )
      }
      const reserved = outer.reserve(amount)
      if (reserved.ok) open.add(reserved.value)
      return reserved
    },
    settle(reservation, spent) {
      if (open.delete(reservation)) book(spent)
      outer.settle(reservation, spent)
    },
    remaining() {
      const rest = outer.remaining()
      return { calls: least(rest.calls, left('calls')), tokens: least(rest.tokens, left('tokens')) }
    },
    charge(spent) {
      book(spent)
      outer.charge(spent)
    },
    close: outer.close,
  }
}
