/** Budgets as requests write them, in the shape that runs count in. */
import { z } from 'zod'
import { moneyOf } from '../budget/amounts.ts'
import type { PinnedBudget } from '../workflow/command.ts'
import { budgetSchema } from '../workflow/definition.ts'
import { milliseconds } from '../workflow/duration.ts'
import type { BudgetUnit } from '../workflow/event.ts'

/** What a request may limit; how the run ends is for its definition to say. */
export const requestBudget = budgetSchema
  .omit({ close_out: true, when_used_up: true })
  .meta({ description: 'Limits for this run, besides those of the definition: the lower one counts' })

export function pinnedBudget({
  calls,
  tokens,
  money,
  wall_clock,
  depth,
  fan_out,
}: z.output<typeof requestBudget>): PinnedBudget {
  const limits = {
    ...(calls !== undefined && { calls }),
    ...(tokens !== undefined && { tokens }),
    ...(money !== undefined && { money: moneyOf(money) }),
  }
  return {
    ...(Object.keys(limits).length > 0 && { limits }),
    ...(wall_clock !== undefined && { wall_clock_ms: milliseconds(wall_clock) }),
    ...(depth !== undefined && { depth }),
    ...(fan_out !== undefined && { fan_out }),
  }
}

export const budgetUnits = ['calls', 'tokens', 'money', 'wall_clock', 'depth', 'fan_out'] as const

/** A limit of one unit as the run counts it: money in millionths, time in milliseconds. */
export const limitOf = (unit: BudgetUnit, to: number): number => (unit === 'money' ? moneyOf(to) : to)

const amounts = z.strictObject({ calls: z.number(), tokens: z.number(), money: z.number() })
const denied = z.looseObject({ account: z.string(), unit: z.enum(budgetUnits), left: z.number(), limit: z.number() })

/** The budget of a run as `get_run` shows it. Money in units of the currency. */
export const budgetOutput = z
  .looseObject({
    accounts: z.array(
      z.strictObject({
        account: z.string().meta({ description: '`run`, or the address of a stage with a budget of its own' }),
        parent: z.string().nullable(),
        limits: z.strictObject({
          calls: z.number().nullable(),
          tokens: z.number().nullable(),
          money: z.number().nullable(),
        }),
        kept_for_close_out: amounts,
        spent: amounts,
        reserved: amounts,
        estimated: amounts.meta({ description: 'The part of `spent` that nobody reported' }),
        estimated_share: z.number().meta({ description: 'Of the tokens, or of the calls where no tokens are counted' }),
      }),
    ),
    children: z.array(z.strictObject({ run: z.string(), stage: z.string(), spent: amounts, estimated: amounts })),
    wall_clock_ms: z.number().nullable(),
    depth: z.number().nullable(),
    fan_out: z.number().nullable(),
    denied: z.array(denied),
  })
  .nullable()
