/** What a run has used of its budget; nothing where nothing limits it. */
import { amountText, type Meter, Meters } from '../parts/meters.tsx'
import { duration, useNow } from '../parts/time.tsx'
import type { Run } from '../server/queries.ts'

export function RunBudget({ run }: { run: Run }) {
  if (run.budget === null) return null
  return <Limited run={run} budget={run.budget} />
}

function Limited({ run, budget }: { run: Run; budget: NonNullable<Run['budget']> }) {
  const now = useNow()
  const account = budget.accounts.find(({ parent }) => parent === null)
  const counted = (['tokens', 'calls', 'money'] as const).flatMap((unit): Meter[] => {
    const limit = account?.limits[unit] ?? null
    if (account === undefined || limit === null) return []
    return [{ name: unit, used: account.spent[unit], held: account.reserved[unit], limit, text: amountText }]
  })
  const { wall_clock_ms } = budget
  const took = run.started_at === null ? 0 : Math.max(0, (run.ended_at ?? now) - run.started_at)
  const time: Meter[] =
    wall_clock_ms === null ? [] : [{ name: 'time', used: took, held: 0, limit: wall_clock_ms, text: duration }]
  const meters = [...counted, ...time]
  if (meters.length === 0) return null
  return <Meters label="Budget of the run" meters={meters} />
}
