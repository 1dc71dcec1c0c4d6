import { z } from 'zod'
import { fail, ok } from '../failure.ts'
import { outsideId } from '../workflow/budget.ts'
import { RUN_ACCOUNT } from '../workflow/run-budget.ts'
import { budgetUnits, limitOf } from './budget-input.ts'
import { defineOperation } from './define-operation.ts'
import { findRun } from './find-run.ts'
import { foldedRun } from './folded-run.ts'
import { mailAccepted, runIdInput, sendMail } from './send-mail.ts'

export const raise_budget = defineOperation({
  name: 'raise_budget',
  method: 'POST',
  path: '/runs/{id}/budget',
  summary: 'Raise a limit of a run',
  description:
    'For a person, or a policy of one: agents of a run have no way to it. A run that waits for its budget goes on. Who raised it, and why, stays in the log. A limit is never lowered, and a unit without a limit stays without.',
  needs: 'budgets:write',
  status: 202,
  input: z.strictObject({
    id: runIdInput,
    unit: z.enum(budgetUnits),
    to: z
      .number()
      .min(0)
      .max(Number.MAX_SAFE_INTEGER)
      .meta({ description: 'The new limit: money in units of the currency, wall_clock in milliseconds' }),
    reason: z.string().min(1).max(2_000),
  }),
  output: mailAccepted,
  run: async (context, { id, unit, to, reason }) => {
    if (unit !== 'money' && !Number.isSafeInteger(to))
      return fail('invalid_input', `${unit} is counted in whole numbers`, {
        field: 'to',
        value: String(to),
        remedy: 'give a whole number',
      })
    const found = await findRun(context, id)
    if (!found.ok) return found
    const { budget } = await foldedRun(context.store, found.value.id)
    const account = budget?.tree.accounts[RUN_ACCOUNT]
    const limit =
      unit === 'wall_clock'
        ? (budget?.wall_clock_ms ?? null)
        : unit === 'depth' || unit === 'fan_out'
          ? (budget?.[unit] ?? null)
          : (account?.limits[unit] ?? null)
    const wanted = limitOf(unit, to)
    if (limit === null)
      return fail('conflict', `the run has no limit of ${unit}`, {
        field: 'unit',
        value: unit,
        remedy: 'Raise one that it has: see the budget of the run.',
      })
    if (wanted <= limit)
      return fail('conflict', `the limit of ${unit} is ${unit === 'money' ? limit / 1e6 : limit} already`, {
        field: 'to',
        value: String(to),
        remedy: 'Give a higher one: a limit is never lowered.',
      })
    // First where child runs draw on it, so that what goes on then finds it raised.
    if (unit === 'calls' || unit === 'tokens' || unit === 'money')
      await context.store.budgets.raise(outsideId(found.value.id, RUN_ACCOUNT), unit, wanted)
    const sent = await sendMail(
      context,
      'raise_budget',
      id,
      { type: 'budget_raised', data: { unit, to: wanted, by: context.actor, reason } },
      found.value,
    )
    return sent.ok ? ok(sent.value) : sent
  },
})
