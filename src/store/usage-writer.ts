/**
 * Adds facts to the sums over time, within the transaction of the commit that stores their events. Facts of one commit
 * that fall into the same sums are added up first: many tasks that end together cost as much as one.
 */
import type { DatabaseSync } from 'node:sqlite'
import type { UsageFact } from '../metrics/usage-fact.ts'
import { bind } from './bind.ts'
import { DAY_MS, FINEST_KEPT_MS, grains, slotOf, sumAmounts, sumKey } from './usage-grains.ts'

export type UsageWriter = {
  note: (fact: UsageFact) => void
  /** Writes what was noted since the last time; to be called before the commit. */
  write: () => void
  /** Forgets what was noted: the transaction was rolled back. */
  forget: () => void
}

type Sum = { grain: number; slot: number; n: number; fact: UsageFact }

export function usageWriter(db: DatabaseSync, namespace: string): UsageWriter {
  const columns = ['namespace', 'grain', 'slot', ...sumKey, 'n', ...sumAmounts]
  const add = db.prepare(
    `insert into usage_sums (${columns.join(', ')}) values (${columns.map(() => '?').join(', ')})
     on conflict (namespace, grain, kind, slot, agent, model, outcome, bin) do update set ${['n', ...sumAmounts]
       .map((name) => `${name} = ${name} + excluded.${name}`)
       .join(', ')}`,
  )
  const drop = db.prepare('delete from usage_sums where namespace = ? and grain = ? and kind = ? and slot < ?')
  /** Day up to which old slots were dropped; once a day is enough. */
  let day = 0
  const sums = new Map<string, Sum>()
  return {
    note(fact) {
      const names = sumKey.map((name) => fact[name]).join('\u0000')
      for (const grain of grains) {
        const slot = slotOf(fact.at, grain)
        const key = `${grain} ${slot} ${names}`
        const sum = sums.get(key)
        if (sum === undefined) {
          sums.set(key, { grain, slot, n: 1, fact: { ...fact } })
          continue
        }
        sum.n++
        for (const name of sumAmounts) sum.fact[name] += fact[name]
      }
    },
    write() {
      for (const { grain, slot, n, fact } of sums.values()) {
        const today = slotOf(fact.at, DAY_MS)
        if (today > day) {
          day = today
          for (const kind of ['run', 'task']) drop.run(namespace, grains[0], kind, today - FINEST_KEPT_MS)
        }
        // What is older than what is kept would only come and go.
        if (grain === grains[0] && fact.at < day - FINEST_KEPT_MS) continue
        const amounts = sumAmounts.map((name) => bind(fact[name]))
        add.run(namespace, grain, slot, ...sumKey.map((name) => bind(fact[name])), n, ...amounts)
      }
      sums.clear()
    },
    forget: () => sums.clear(),
  }
}
