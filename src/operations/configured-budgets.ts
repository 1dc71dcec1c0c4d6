/** The limits of the configuration over all runs, with what is used of them: `total` for good, the others today (UTC). */
import { z } from 'zod'
import { countedUnits, MICROS } from '../budget/amounts.ts'
import type { CountedBudget } from '../configuration/configuration.ts'
import type { OperationContext } from './operation.ts'

export const configuredBudget = z.strictObject({
  budget: z.string().meta({ description: '`total`, `daily`, `agent NAME` or `model host NAME`' }),
  unit: z.enum(countedUnits),
  limit: z.number().meta({ description: 'Money in units of the currency' }),
  spent: z.number(),
  /** For calls under way. */
  reserved: z.number(),
})
export type ConfiguredBudget = z.output<typeof configuredBudget>

/** Agents and hosts with a limit of their own that are told of. */
const MOST = 50

export async function configuredBudgets({
  configuration,
  store,
  now,
}: Pick<OperationContext, 'configuration' | 'store' | 'now'>): Promise<ConfiguredBudget[]> {
  const { total, daily, agents_daily, model_hosts_daily } = configuration.budgets
  const day = new Date(now()).toISOString().slice(0, 10)
  // Ids of accounts are those of src/fleet/outside-budgets.ts.
  const accounts: [budget: string, id: string, limits: CountedBudget | null][] = [
    ['total', 'total', total],
    ['daily', `day:${day}`, daily],
    ...Object.entries(agents_daily).map(([name, limits]) => own(`agent ${name}`, `agent:${name}:${day}`, limits)),
    ...Object.entries(model_hosts_daily).map(([name, limits]) =>
      own(`model host ${name}`, `host:${name}:${day}`, limits),
    ),
  ]
  const told = await Promise.all(
    accounts
      .filter(([, , limits]) => limits !== null)
      .slice(0, MOST)
      .map(async ([budget, id, limits]) => {
        const rows = (await store.budgets.list(id)).filter((row) => row.id === id)
        return countedUnits.flatMap((unit): ConfiguredBudget[] => {
          const limit = limits?.[unit]
          if (limit === undefined) return []
          const row = rows.find((one) => one.unit === unit)
          const shown = (amount = 0): number => (unit === 'money' ? amount / MICROS : amount)
          return [{ budget, unit, limit, spent: shown(row?.spent), reserved: shown(row?.reserved) }]
        })
      }),
  )
  return told.flat()
}

const own = (budget: string, id: string, limits: CountedBudget): [string, string, CountedBudget] => [budget, id, limits]
