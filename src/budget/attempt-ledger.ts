/**
 * What attempts use while they go on, beside the trees of their runs. A tree holds for an attempt what was reserved when
 * it was asked for; an agent that makes many calls may need more than that. What it uses beyond its reservation is
 * counted here until the tree has settled it, against every account of its chain.
 *
 * Invariants:
 *  L1. In every account of a tree: spent + reserved + what attempts use and hold beyond their reservations ≤ limit,
 *      whatever attempts ask at the same time. A settlement that takes more than was reserved for its call is booked.
 *  L2. The tree is read as it is at each step: a limit that was raised is there for attempts under way.
 *  L3. In accounts that several runs draw on, an attempt holds what it may use before it uses it: a call is not begun
 *      otherwise, and one that streams is ended at most {@link EXTENSION} twice behind.
 *  L4. What an attempt used that was called off, beyond what its tree charged for it, counts until its run has ended.
 */
import { type Failure, fail, ok, type Result } from '../failure.ts'
import type { Allowance, Reservation } from './allowance.ts'
import { type Amounts, add, amountText, type CountedUnit, countedUnits, nothing, subtract, sum } from './amounts.ts'
import type { Denied, Purpose, Tree } from './tree.ts'

/** Tokens by which the reservation of a call that streams grows. */
export const EXTENSION = 256
/** Extensions that are asked for ahead where each costs a transaction. */
const AHEAD = 3
/** Runs whose trees are remembered; the one that was shown first is forgotten first, and bounded as far as its attempts know. */
const KEPT_RUNS = 2_000

export type AttemptOf = {
  run: string
  /** Its hold in the tree of its run. */
  hold: string
  /** Of a run with a budget. */
  budget?:
    | {
        account: string
        amounts: Amounts
        purpose: Purpose
        /** What was left when it was asked for, its own reservation included: holds where the tree is not known. */
        left: { [U in CountedUnit]?: number | null }
      }
    | undefined
  /** What is held for it in accounts that several runs draw on, under which key; null where none concerns it. */
  outside: { key: string; amounts: Amounts } | null
  cost: Allowance['cost']
}

export type AttemptAllowance = Allowance & {
  /** Before it begins: null, or what the attempts under way have used up meanwhile. */
  admit: () => Denied | null
  /** The last thing that was denied. */
  denied: () => Denied | null
  /** Ends it. What is still reserved is booked whole. */
  close: () => void
}

export type AttemptLedger = {
  open: (attempt: AttemptOf) => AttemptAllowance
  /** The tree of a run as it stands whenever it is asked for; null = the run has ended. */
  seen: (run: string, tree: (() => Tree | undefined) | null) => void
}

type Entry = Pick<AttemptOf, 'run' | 'hold' | 'budget'> & {
  used: Amounts
  held: Amounts
  state: 'open' | 'closed' | 'called_off'
}

type Room = { account: string; limit: number; left: number }

const beyond = ({ budget, used, held }: Entry, unit: CountedUnit): number =>
  Math.max(0, used[unit] + held[unit] - (budget?.amounts[unit] ?? 0))

const isBeyond = (entry: Entry): boolean => countedUnits.some((unit) => beyond(entry, unit) > 0)

/** The account and all above it. One that was closed is the run's own by now. */
function chainOf({ accounts }: Tree, id: string): string[] {
  const found: string[] = []
  for (let at: string | null = id; at !== null; at = accounts[at]?.parent ?? null) {
    if (accounts[at] === undefined) return Object.keys(accounts).filter((one) => accounts[one]?.parent === null)
    found.push(at)
  }
  return found
}

/** @param more Takes more in the accounts that several runs draw on; null = taken. */
export function attemptLedger(more: (key: string, amounts: Amounts) => Promise<Denied | null>): AttemptLedger {
  const trees = new Map<string, () => Tree | undefined>()
  /** Attempts that use more than was reserved for them, by run. Of most runs there are none. */
  const over = new Map<string, Set<Entry>>()

  const track = (entry: Entry): void => {
    const entries = over.get(entry.run)
    if (entry.budget !== undefined && isBeyond(entry)) {
      if (entries === undefined) over.set(entry.run, new Set([entry]))
      else entries.add(entry)
    } else if (entries?.delete(entry) === true && entries.size === 0) over.delete(entry.run)
  }

  /** Used and held beyond reservations in an account, or in all of a run. What the tree has settled meanwhile is let go. */
  const beyondIn = (run: string, tree: Tree | undefined, account: string | null, unit: CountedUnit): number => {
    const entries = over.get(run)
    if (entries === undefined) return 0
    let amount = 0
    for (const entry of entries) {
      if (entry.state === 'closed' && tree !== undefined && tree.holds[entry.hold] === undefined) {
        entries.delete(entry)
        continue
      }
      if (account !== null && tree !== undefined && !chainOf(tree, entry.budget?.account ?? '').includes(account))
        continue
      amount = sum(amount, beyond(entry, unit))
    }
    if (entries.size === 0) over.delete(run)
    return amount
  }

  /** What an attempt may use more of a unit, by the tightest account; null = nothing bounds it. */
  const roomOf = (entry: Entry, unit: CountedUnit): Room | null => {
    const { budget, run, used, held } = entry
    if (budget === undefined || budget.purpose === 'undo') return null
    const tree = trees.get(run)?.()
    if (tree?.holds[entry.hold] === undefined) {
      const limit = budget.left[unit] ?? null
      if (limit === null) return null
      const others = beyondIn(run, tree, null, unit) - beyond(entry, unit)
      return { account: budget.account, limit, left: Math.max(0, limit - used[unit] - held[unit] - others) }
    }
    const own = Math.max(0, budget.amounts[unit] - used[unit] - held[unit])
    let least: Room | null = null
    for (const account of chainOf(tree, budget.account)) {
      const rest = restIn(run, tree, account, unit, budget.purpose)
      if (rest === null) continue
      const left = own + Math.max(0, rest.left)
      if (least === null || left < least.left) least = { account, limit: rest.limit, left }
    }
    return least
  }

  /** What is left in one account besides all that is reserved and used beyond; below 0 where too much is. */
  const restIn = (run: string, tree: Tree, id: string, unit: CountedUnit, purpose: Purpose) => {
    const account = tree.accounts[id]
    const limit = account?.limits[unit]
    if (account === undefined || limit === undefined) return null
    const kept = purpose === 'work' ? account.keep[unit] : 0
    const left = limit - kept - account.spent[unit] - account.reserved[unit] - beyondIn(run, tree, id, unit)
    return { limit, left }
  }

  const open = ({ run, hold, budget, outside, cost }: AttemptOf): AttemptAllowance => {
    const entry: Entry = { run, hold, budget, used: nothing(), held: nothing(), state: 'open' }
    const reservations = new Set<Reservation>()
    const granted = outside === null ? null : { ...outside.amounts }
    /** Steps that ask outside come one after the other, so that each asks for its own. */
    let turn: Promise<unknown> = Promise.resolve()
    const inTurn = <T>(step: () => Promise<T>): Promise<T> => {
      const done = turn.then(step)
      turn = done.catch(() => {})
      return done
    }
    let stocking = false
    let outside_denied: Denied | null = null
    let denied: Denied | null = null

    const deny = (by: Denied): Failure => {
      denied = by
      return exhausted(by)
    }
    /** What is used and held here and not held outside. */
    const short = (): Amounts => {
      const amounts = nothing()
      for (const unit of countedUnits)
        amounts[unit] = Math.max(0, entry.used[unit] + entry.held[unit] - (granted?.[unit] ?? Number.POSITIVE_INFINITY))
      return amounts
    }
    const holdOutside = async (amount: Amounts): Promise<Denied | null> => {
      if (outside === null || granted === null || countedUnits.every((unit) => amount[unit] === 0)) return null
      const by = await more(outside.key, amount)
      if (by === null) add(granted, amount)
      return by
    }
    /** With something ahead where there is room for it: each asking is a transaction. */
    const stock = (ahead: Amounts): Promise<void> =>
      inTurn(async () => {
        const most = short()
        if (countedUnits.every((unit) => most[unit] === 0)) return
        add(most, ahead)
        if ((await holdOutside(most)) !== null) outside_denied = await holdOutside(short())
      })
    const refuse = (amount: Amounts): Failure | null => {
      for (const unit of countedUnits) {
        const room = roomOf(entry, unit)
        if (room !== null && amount[unit] > room.left)
          return deny({ account: room.account, unit, wanted: amount[unit], left: room.left, limit: room.limit })
      }
      return null
    }
    const take = (amount: Amounts): void => {
      add(entry.held, amount)
      track(entry)
    }
    const settle: Allowance['settle'] = (reservation, used) => {
      if (!reservations.delete(reservation)) return
      subtract(entry.held, reservation.amount)
      add(entry.used, used)
      track(entry)
    }

    return {
      cost,
      denied: () => denied,
      admit: () => {
        const tree = trees.get(run)?.()
        if (budget === undefined || budget.purpose === 'undo' || over.get(run) === undefined) return null
        if (tree?.holds[hold] === undefined) return null
        for (const unit of countedUnits)
          for (const account of chainOf(tree, budget.account)) {
            const rest = restIn(run, tree, account, unit, budget.purpose)
            if (rest === null || rest.left >= 0 || budget.amounts[unit] === 0) continue
            const wanted = budget.amounts[unit]
            denied = { account, unit, wanted, left: Math.max(0, wanted + rest.left), limit: rest.limit }
            return denied
          }
        return null
      },
      remaining: () => ({
        calls: roomOf(entry, 'calls')?.left ?? null,
        tokens: roomOf(entry, 'tokens')?.left ?? null,
        money: roomOf(entry, 'money')?.left ?? null,
      }),
      reserve: async (amount) => {
        const now = (): Result<Reservation> => {
          const refused = refuse(amount)
          if (refused !== null) return { ok: false, failure: refused }
          take(amount)
          const reservation: Reservation = { amount: { ...amount } }
          reservations.add(reservation)
          return ok(reservation)
        }
        if (granted === null) return now()
        return inTurn(async () => {
          const reserved = now()
          if (!reserved.ok) return reserved
          try {
            const by = await holdOutside(short())
            if (by === null) return reserved
            settle(reserved.value, nothing())
            return { ok: false, failure: deny(by) }
          } catch (error) {
            // A budget that cannot be asked is not passed by.
            settle(reserved.value, nothing())
            const { failure } = error as { failure?: Failure }
            const why = failure?.message ?? 'it does not answer'
            return fail('unavailable', `the store of budgets cannot be asked: ${why}`, { retry_after_s: 5 })
          }
        })
      },
      extend: (reservation, to) => {
        if (!reservations.has(reservation)) return null
        const step = nothing()
        for (const unit of countedUnits) step[unit] = Math.max(0, to[unit] - reservation.amount[unit])
        const refused = outside_denied === null ? refuse(step) : deny(outside_denied)
        if (refused !== null) return refused
        take(step)
        add(reservation.amount as Amounts, step)
        const lacking = short()
        if (!stocking && countedUnits.some((unit) => lacking[unit] > 0)) {
          stocking = true
          const ahead: Amounts = { calls: 0, tokens: step.tokens * AHEAD, money: step.money * AHEAD }
          // A store that does not answer says so at the next call; what streams meanwhile is settled.
          stock(ahead).then(
            () => (stocking = false),
            () => (stocking = false),
          )
        }
        return null
      },
      settle,
      charge: (used) => {
        add(entry.used, used)
        track(entry)
        stock(nothing()).catch(() => {})
      },
      close: () => {
        for (const reservation of [...reservations]) settle(reservation, reservation.amount)
        if (entry.state !== 'open') return
        const tree = trees.get(run)?.()
        entry.state = tree !== undefined && tree.holds[hold] === undefined ? 'called_off' : 'closed'
        // Nobody says when it is settled, so that it would stay for ever.
        if (tree === undefined && over.get(run)?.delete(entry) === true && over.get(run)?.size === 0) over.delete(run)
      },
    }
  }

  return {
    open,
    seen: (run, tree) => {
      trees.delete(run)
      if (tree === null) {
        over.delete(run)
        return
      }
      trees.set(run, tree)
      for (const [oldest] of trees) {
        if (trees.size <= KEPT_RUNS) break
        trees.delete(oldest)
      }
    },
  }
}

function exhausted({ account, unit, left, limit }: Denied): Failure {
  const whose = account === 'run' ? 'this run' : account
  return {
    kind: 'budget_exhausted',
    message: `The budget of ${whose}, ${amountText(unit, limit)}, is used up${left > 0 ? `: ${amountText(unit, left)} left` : ''}.`,
    field: `budget.${unit}`,
    value: String(limit),
    remedy: 'End with what there is; a person may raise the budget.',
  }
}
