/**
 * A tree of accounts. What a call may use is reserved before it and settled after it, in its account and in every
 * account above; so children draw on their parents, and a limit anywhere above stops them all.
 *
 * Invariants:
 *  B1. Whatever the order of reservations, settlements, crashes and lost replies: as long as no call uses more than was
 *      reserved for it, spent + reserved ≤ limit in every account and unit. A call that used more pays what it used.
 *  B2. What was reserved is settled, charged in full or given back, once; a second time changes nothing.
 *  B3. The close-out reserve (`keep`) is touched by close-out only; work that undoes is charged and never denied.
 *  B4. Figures are whole numbers; the state is plain JSON.
 */
import {
  type Amounts,
  add,
  type CountedUnit,
  countedUnits,
  type Limits,
  nothing,
  subtract,
  wholeOrNull,
} from './amounts.ts'

export type Account = {
  parent: string | null
  limits: Limits
  /** Kept back for close-out. */
  keep: Amounts
  spent: Amounts
  /** The part of `spent` that nobody reported: charged by estimate, or in full because the call died. */
  estimated: Amounts
  reserved: Amounts
  /** Units of which two thirds are used, as was told already. */
  told: CountedUnit[]
}

export type Hold = { account: string; amounts: Amounts }

export type Tree = { accounts: { [id: string]: Account }; holds: { [key: string]: Hold } }

/** What a reservation is for: ordinary work, the close-out that may use what was kept back, or undoing. */
export type Purpose = 'work' | 'close_out' | 'undo'

export type Denied = {
  /** The account that has too little, this one or one above. */
  account: string
  unit: CountedUnit
  wanted: number
  /** What is left for this purpose. */
  left: number
  limit: number
}

/** What a call reports. Null: not known, so an estimate is taken. `estimated`: somebody else has estimated the tokens. */
export type Used = {
  calls: number | null
  tokens: number | null
  money: number | null
  estimated?: boolean | undefined
}

/** The share of a limit at which agents are told: two thirds, as a fraction of whole numbers. */
const TOLD_AT = { of: 3, parts: 2 }

export const newTree = (): Tree => ({ accounts: {}, holds: {} })

export function openAccount(
  tree: Tree,
  id: string,
  of: { parent: string | null; limits: Limits; keep?: Limits },
): void {
  tree.accounts[id] ??= {
    parent: of.parent,
    // A copy: limits are raised in place, and what was handed in may stand in an event.
    limits: { ...of.limits },
    keep: { ...nothing(), ...of.keep },
    spent: nothing(),
    estimated: nothing(),
    reserved: nothing(),
    told: [],
  }
}

/** Forgets an account that nothing is held in: what it spent stands in those above. */
export function closeAccount(tree: Tree, id: string): void {
  if (Object.values(tree.holds).some(({ account }) => account === id)) return
  if (Object.values(tree.accounts).some(({ parent }) => parent === id)) return
  delete tree.accounts[id]
}

/** The account and all above it, nearest first. */
export function chain(tree: Tree, id: string): { id: string; account: Account }[] {
  const found: { id: string; account: Account }[] = []
  for (let at: string | null = id; at !== null; ) {
    const account: Account | undefined = tree.accounts[at]
    if (account === undefined) throw new Error(`there is no budget account ${at}`)
    found.push({ id: at, account })
    at = account.parent
  }
  return found
}

/** What one account has left of a unit for a purpose; null without a limit. Never below 0. */
export function leftIn(account: Account, unit: CountedUnit, purpose: Purpose): number | null {
  const limit = account.limits[unit]
  if (limit === undefined) return null
  const kept = purpose === 'work' ? account.keep[unit] : 0
  return Math.max(0, limit - kept - account.spent[unit] - account.reserved[unit])
}

/** What is left along the chain: the least of all limits; null when nothing limits the unit. */
export function left(tree: Tree, id: string, unit: CountedUnit, purpose: Purpose = 'work'): number | null {
  let least: number | null = null
  for (const { account } of chain(tree, id)) {
    const own = leftIn(account, unit, purpose)
    if (own !== null && (least === null || own < least)) least = own
  }
  return least
}

/** Reserves in the account and all above, or nowhere: then says which account denies what. A held key stays as it is. */
export function reserve(
  tree: Tree,
  key: string,
  id: string,
  wanted: Amounts,
  purpose: Purpose = 'work',
): Denied | null {
  if (tree.holds[key] !== undefined) return null
  const accounts = chain(tree, id)
  if (purpose !== 'undo')
    for (const { id: at, account } of accounts)
      for (const unit of countedUnits) {
        const room = leftIn(account, unit, purpose)
        if (room !== null && wanted[unit] > room)
          return { account: at, unit, wanted: wanted[unit], left: room, limit: account.limits[unit] ?? 0 }
      }
  for (const { account } of accounts) add(account.reserved, wanted)
  tree.holds[key] = { account: id, amounts: { ...wanted } }
  return null
}

/** Charges what was used. What is not known is charged as reserved, and marked as an estimate. */
export function settle(tree: Tree, key: string, used: Used): void {
  const hold = tree.holds[key]
  if (hold === undefined) return
  delete tree.holds[key]
  const { charged, estimated } = chargeOf(hold.amounts, used)
  for (const { account } of chain(tree, hold.account)) {
    subtract(account.reserved, hold.amounts)
    add(account.spent, charged)
    add(account.estimated, estimated)
  }
}

/** For a call that died: nobody knows what it used. */
export const chargeInFull = (tree: Tree, key: string): void =>
  settle(tree, key, { calls: null, tokens: null, money: null })

/** For a call that was certainly not made. */
export const release = (tree: Tree, key: string): void => settle(tree, key, { calls: 0, tokens: 0, money: 0 })

/** Charges what was not reserved here: the planner's calls, the work of a child run. */
export function spend(tree: Tree, id: string, charged: Amounts, estimated: Amounts = nothing()): void {
  for (const { account } of chain(tree, id)) {
    add(account.spent, charged)
    add(account.estimated, estimated)
  }
}

/** What a reservation becomes, by unit. Shared with the store, so that both count the same. */
export function chargeOf(reserved: Amounts, used: Used): { charged: Amounts; estimated: Amounts } {
  const charged = nothing()
  const estimated = nothing()
  for (const unit of countedUnits) {
    const known = wholeOrNull(used[unit])
    charged[unit] = known ?? reserved[unit]
    if (known === null || (used.estimated === true && unit !== 'calls')) estimated[unit] = charged[unit]
  }
  return { charged, estimated }
}

/** Raises a limit; lowering is not raising. False when the account has no such limit, or as high a one. */
export function raise(tree: Tree, id: string, unit: CountedUnit, to: number): boolean {
  const account = tree.accounts[id]
  const limit = account?.limits[unit]
  if (account === undefined || limit === undefined || to <= limit) return false
  account.limits[unit] = to
  if (account.spent[unit] * TOLD_AT.of < to * TOLD_AT.parts) account.told = account.told.filter((one) => one !== unit)
  return true
}

export type Notice = { account: string; unit: CountedUnit; limit: number; spent: number; left: number }

/** Accounts of the chain of which two thirds have been spent since this was last asked. Each is told once. */
export function passedTwoThirds(tree: Tree, id: string): Notice[] {
  const notices: Notice[] = []
  for (const { id: at, account } of chain(tree, id))
    for (const unit of countedUnits) {
      const limit = account.limits[unit]
      if (limit === undefined || account.told.includes(unit) || !isTwoThirds(account.spent[unit], limit)) continue
      account.told.push(unit)
      notices.push({ account: at, unit, limit, spent: account.spent[unit], left: leftIn(account, unit, 'work') ?? 0 })
    }
  return notices
}

export const isTwoThirds = (spent: number, limit: number): boolean => spent * TOLD_AT.of >= limit * TOLD_AT.parts
