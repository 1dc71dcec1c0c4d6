/**
 * Accounts that several runs draw on at once: those of runs that have child runs, and the limits of the configuration.
 *
 * Invariants:
 *  L1. A reservation is taken in all its accounts or in none, in one transaction under the write lock: exact whatever
 *      number of calls, processes and replicas ask at once.
 *  L2. What is held is settled once. A hold that is asked for again was left by an execution that died: it is charged in
 *      full, and a new one is taken. So are the holds of processes that do not show themselves any more.
 *  L3. Limits of the configuration are taken as they are given; those of runs only grow.
 */
import type { DatabaseSync, StatementSync } from 'node:sqlite'
import { type Amounts, countedUnits, sum } from '../budget/amounts.ts'
import { chargeOf, type Denied, type Used } from '../budget/tree.ts'
import { bind } from './bind.ts'
import type { BudgetRow, Reservation, Store } from './store.ts'

type HoldRow = { key: string; accounts: string } & Amounts
type AccountRow = Omit<BudgetRow, 'id'>

const DIED: Used = { calls: null, tokens: null, money: null }

export function budgetStore(db: DatabaseSync, namespace: string): Store['budgets'] {
  /** Made on first need: most installations have no such limits. */
  const statements = new Map<string, StatementSync>()
  const sql = (text: string): StatementSync => {
    let statement = statements.get(text)
    if (statement === undefined) {
      statement = db.prepare(text)
      statements.set(text, statement)
    }
    return statement
  }

  /** Begins and ends within one turn of the event loop, so nothing else on this connection gets between. */
  function transaction<T>(body: () => T): T {
    sql('begin immediate').run()
    try {
      const value = body()
      sql('commit').run()
      return value
    } catch (error) {
      // SQLite rolls back by itself on some errors (disk full).
      if (db.isTransaction) sql('rollback').run()
      throw error
    }
  }

  const rowsOf = (id: string): AccountRow[] =>
    sql('select unit, most, kept, spent, estimated, reserved from budget_accounts where namespace = ? and id = ?').all(
      namespace,
      bind(id),
    ) as AccountRow[]

  const write = (id: string, row: AccountRow): void => {
    sql(
      'update budget_accounts set spent = ?, estimated = ?, reserved = ? where namespace = ? and id = ? and unit = ?',
    ).run(bind(row.spent), bind(row.estimated), bind(row.reserved), namespace, bind(id), row.unit)
  }

  const open = ({ id, limits, keep, configured }: Reservation['accounts'][number]): void => {
    for (const unit of countedUnits) {
      const most = limits[unit]
      if (most === undefined) continue
      sql(
        `insert into budget_accounts (namespace, id, unit, most, kept, spent, estimated, reserved) values (?, ?, ?, ?, ?, 0, 0, 0)
         on conflict (namespace, id, unit) do update set most = ${configured === true ? 'excluded.most' : 'max(most, excluded.most)'}
         where most <> excluded.most`,
      ).run(namespace, bind(id), unit, bind(most), bind(keep[unit]))
    }
  }

  /** The first account that has too little; null when all have enough. */
  const denial = (ids: string[], wanted: Amounts, purpose: Reservation['purpose']): Denied | null => {
    if (purpose === 'undo') return null
    for (const id of ids)
      for (const { unit, most, kept, spent, reserved } of rowsOf(id)) {
        const left = Math.max(0, most - (purpose === 'work' ? kept : 0) - spent - reserved)
        if (wanted[unit] > left) return { account: id, unit, wanted: wanted[unit], left, limit: most }
      }
    return null
  }

  const take = (ids: string[], amounts: Amounts): void => {
    for (const id of ids)
      for (const row of rowsOf(id)) write(id, { ...row, reserved: sum(row.reserved, amounts[row.unit]) })
  }

  const charge = (hold: HoldRow, used: Used): void => {
    const { charged, estimated } = chargeOf(hold, used)
    for (const id of JSON.parse(hold.accounts) as string[])
      for (const row of rowsOf(id))
        write(id, {
          ...row,
          reserved: Math.max(0, row.reserved - hold[row.unit]),
          spent: sum(row.spent, charged[row.unit]),
          estimated: sum(row.estimated, estimated[row.unit]),
        })
    sql('delete from budget_holds where namespace = ? and key = ?').run(namespace, bind(hold.key))
  }

  const columns = 'key, accounts, calls, tokens, money'
  const holdOf = (key: string): HoldRow | undefined =>
    sql(`select ${columns} from budget_holds where namespace = ? and key = ?`).get(namespace, bind(key)) as
      | HoldRow
      | undefined

  return {
    reserve: async ({ key, owner, alive_until, amounts, accounts, purpose }) =>
      transaction(() => {
        const left_behind = holdOf(key)
        if (left_behind !== undefined) charge(left_behind, DIED)
        for (const account of accounts) open(account)
        const ids = accounts.map(({ id }) => id)
        const denied = denial(ids, amounts, purpose)
        if (denied !== null) return { denied, died: left_behind !== undefined }
        take(ids, amounts)
        sql(
          'insert into budget_holds (namespace, key, owner, alive_until, purpose, accounts, calls, tokens, money) values (?, ?, ?, ?, ?, ?, ?, ?, ?)',
        ).run(
          namespace,
          bind(key),
          owner,
          bind(alive_until),
          purpose,
          JSON.stringify(ids),
          ...countedUnits.map((unit) => bind(amounts[unit])),
        )
        return { denied: null, died: left_behind !== undefined }
      }),

    more: async (key, amounts) =>
      transaction(() => {
        const hold = holdOf(key)
        if (hold === undefined) return null
        const ids = JSON.parse(hold.accounts) as string[]
        const denied = denial(ids, amounts, 'work')
        if (denied !== null) return denied
        take(ids, amounts)
        sql(
          'update budget_holds set calls = calls + ?, tokens = tokens + ?, money = money + ? where namespace = ? and key = ?',
        ).run(...countedUnits.map((unit) => bind(amounts[unit])), namespace, bind(key))
        return null
      }),

    settle: async (key, used) =>
      transaction(() => {
        const hold = holdOf(key)
        if (hold !== undefined) charge(hold, used)
        return hold !== undefined
      }),

    raise: async (id, unit, to) =>
      Number(
        sql('update budget_accounts set most = ? where namespace = ? and id = ? and unit = ? and most < ?').run(
          bind(to),
          namespace,
          bind(id),
          unit,
          bind(to),
        ).changes,
      ) > 0,

    alive: async (owner, until) => {
      sql('update budget_holds set alive_until = ? where namespace = ? and owner = ?').run(
        bind(until),
        namespace,
        owner,
      )
    },

    charge_left_behind: async (now) =>
      transaction(() => {
        const holds = sql(`select ${columns} from budget_holds where namespace = ? and alive_until < ? limit 1000`).all(
          namespace,
          bind(now),
        ) as HoldRow[]
        for (const hold of holds) charge(hold, DIED)
        return holds.length
      }),

    list: async (prefix) =>
      (
        sql(
          'select id, unit, most, kept, spent, estimated, reserved from budget_accounts where namespace = ? and substr(id, 1, ?) = ? order by id, unit limit 1000',
        ).all(namespace, prefix.length, bind(prefix)) as BudgetRow[]
      ).map((row) => ({ ...row })),
  }
}
