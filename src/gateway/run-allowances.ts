/**
 * The budget of a run's definition (`budget.tokens`, `budget.calls`) as allowances of its attempts.
 *
 * Invariants:
 * 1. A run has one account here, whatever its attempts do at the same time; spent + reserved goes beyond the budget only
 *    by what a settlement takes beyond its own reservation.
 * 2. spent is never less than what was used through the gateway since the program started, nor than what the run's row
 *    says and its attempts in hand have used besides.
 */
import { amountText } from '../budget/amounts.ts'
import { fail, ok, type Result } from '../failure.ts'
import type { Allowance, Reservation, Spend } from './allowance.ts'

/** What the run may use in all, and what its row says it has used. Null = unbounded. */
export type RunBudget = { calls: number | null; tokens: number | null; spent: Spend }

export type AttemptAllowance = Allowance & {
  /** Books use of which nobody asked before: of this attempt before a crash. */
  charge: (used: Spend) => void
  /** Ends the attempt. What is still reserved is booked whole. */
  close: () => void
}

/** Accounts of runs that are remembered; the oldest without an attempt in hand is forgotten first. */
const ACCOUNTS = 5_000

type Account = { calls: number | null; tokens: number | null; spent: Spend; reserved: Spend; in_hand: Set<Spend> }

export function runAllowances(): { open: (run: string, budget: RunBudget | null) => AttemptAllowance } {
  const accounts = new Map<string, Account>()

  const accountOf = (run: string, { calls, tokens, spent }: RunBudget): Account => {
    const known = accounts.get(run)
    if (known === undefined) {
      for (const [id, { in_hand }] of accounts) {
        if (accounts.size < ACCOUNTS) break
        if (in_hand.size === 0) accounts.delete(id)
      }
      const account = {
        calls,
        tokens,
        spent: { ...spent },
        reserved: { calls: 0, tokens: 0 },
        in_hand: new Set<Spend>(),
      }
      accounts.set(run, account)
      return account
    }
    known.calls = calls
    known.tokens = tokens
    for (const what of ['calls', 'tokens'] as const) {
      let used = spent[what]
      for (const own of known.in_hand) used += own[what]
      known.spent[what] = Math.max(known.spent[what], used)
    }
    return known
  }

  return { open: (run, budget) => (budget === null ? unbounded() : bounded(accountOf(run, budget))) }
}

function unbounded(): AttemptAllowance {
  return {
    reserve: (amount) => ok({ amount }),
    settle: () => {},
    remaining: () => ({ calls: null, tokens: null }),
    charge: () => {},
    close: () => {},
  }
}

function bounded(account: Account): AttemptAllowance {
  const { spent, reserved } = account
  const open = new Set<Reservation>()
  const own: Spend = { calls: 0, tokens: 0 }
  account.in_hand.add(own)

  const left = (what: keyof Spend): number | null => {
    const limit = account[what]
    return limit === null ? null : Math.max(0, limit - spent[what] - reserved[what])
  }
  const book = (used: Spend): void => {
    for (const what of ['calls', 'tokens'] as const) {
      spent[what] += used[what]
      own[what] += used[what]
    }
  }
  const settle = (reservation: Reservation, used: Spend): void => {
    if (!open.delete(reservation)) return
    reserved.calls -= reservation.amount.calls
    reserved.tokens -= reservation.amount.tokens
    book(used)
  }

  return {
    remaining: () => ({ calls: left('calls'), tokens: left('tokens') }),
    reserve: (amount): Result<Reservation> => {
      for (const what of ['calls', 'tokens'] as const) {
        const rest = left(what)
        if (rest !== null && amount[what] > rest) return exhausted(account[what] ?? 0, what, rest)
      }
      reserved.calls += amount.calls
      reserved.tokens += amount.tokens
      const reservation: Reservation = { amount: { ...amount } }
      open.add(reservation)
      return ok(reservation)
    },
    settle,
    charge: book,
    close: () => {
      for (const reservation of [...open]) settle(reservation, reservation.amount)
      account.in_hand.delete(own)
    },
  }
}

const exhausted = (limit: number, what: keyof Spend, left: number): Result<never> =>
  fail(
    'budget_exhausted',
    `The budget of this run, ${amountText(what, limit)}, is used up${left > 0 ? `: ${left} left` : ''}.`,
    {
      field: `budget.${what}`,
      value: String(limit),
      remedy: 'End with what there is; a person may give the run a larger budget.',
    },
  )
