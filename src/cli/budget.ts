/** `quorate budget`: what a run may use and has used, and more for it. */
import { Command } from 'commander'
import { fail, ok, type Result } from '../failure.ts'
import { budgetUnits } from '../operations/budget-input.ts'
import { raise_budget } from '../operations/raise_budget.ts'
import type { BudgetReport } from '../workflow/budget-view.ts'
import { duration, durationText, milliseconds } from '../workflow/duration.ts'
import type { BudgetUnit } from '../workflow/event.ts'
import { type Act, type CommandContext, failed } from './command-context.ts'
import { oneLine, table } from './format.ts'
import { aboutRun, type CommonOptions, onRun } from './on-run.ts'

type Options = CommonOptions & { raise?: string; reason: string }

export const budgetCommand = (context: CommandContext, act: Act): Command =>
  aboutRun(new Command('budget').description('show the budget of a run, or raise a limit of it'))
    .option('--raise <unit=amount>', `raise a limit: ${budgetUnits.join(', ')}`)
    .option('--reason <text>', 'why; it is kept with the run', '')
    .addHelpText(
      'after',
      '\nExamples:\n  quorate budget last\n  quorate budget last --raise tokens=200000 --reason "worth it"\n  quorate budget run_0198c0de --raise money=2.50 --reason "agreed with the team"\n  quorate budget last --raise wall_clock=4h --reason "the model is slow today"\n\nA run that waits for its budget goes on when it is raised.\n',
    )
    .action(
      act((given: string, { raise, reason, ...options }: Options) => {
        const wish = raise === undefined ? ok(null) : wishOf(raise, reason)
        if (!wish.ok) return Promise.resolve(failed(context, wish.failure, options.json))
        const wanted = wish.value
        if (wanted === null)
          return onRun(
            context,
            given,
            options,
            async (client, id) => {
              const run = await client.run(id)
              return run.ok ? ok({ run_id: id, budget: run.value.budget as BudgetReport | null }) : run
            },
            ({ budget }) => {
              for (const line of budgetLines(budget, context.terminal)) context.terminal.out(line)
            },
          )
        return onRun(
          context,
          given,
          options,
          (client, id) => client.call(raise_budget, { id, ...wanted }),
          (_, run) => context.terminal.out(`the limit of ${wanted.unit} of ${run} is being raised`),
        )
      }),
    )

/** `tokens=200000`, `money=2.50`, `wall_clock=4h`. */
function wishOf(text: string, reason: string): Result<{ unit: BudgetUnit; to: number; reason: string }> {
  const [name = '', amount = ''] = text.split('=')
  const unit = budgetUnits.find((one) => one === name)
  const wrong = (message: string, remedy: string) =>
    fail('invalid_input', message, { field: '--raise', value: text, remedy })
  if (unit === undefined) return wrong(`there is no limit of ${oneLine(name)}`, `name one of ${budgetUnits.join(', ')}`)
  if (reason === '')
    return fail('invalid_input', 'a budget is raised for a reason', {
      field: '--reason',
      remedy: 'say it with --reason TEXT; it stays in the log of the run',
    })
  if (unit === 'wall_clock') {
    const parsed = duration.safeParse(amount)
    if (!parsed.success) return wrong('wall_clock takes a duration', 'write a duration such as 4h')
    return ok({ unit, to: milliseconds(parsed.data), reason })
  }
  const to = /^\d+(\.\d+)?$/.test(amount) ? Number(amount) : Number.NaN
  return Number.isNaN(to) ? wrong(`${unit} takes a number`, `write ${unit}=NUMBER`) : ok({ unit, to, reason })
}

function budgetLines(budget: BudgetReport | null, terminal: CommandContext['terminal']): string[] {
  if (budget === null) return ['Nothing limits this run.']
  const rows = budget.accounts.flatMap(({ account, limits, kept_for_close_out, spent, reserved, estimated }) =>
    (['calls', 'tokens', 'money'] as const).map((unit) => [
      account,
      unit,
      limits[unit] === null ? 'none' : figure(limits[unit]),
      figure(spent[unit]),
      figure(reserved[unit]),
      figure(kept_for_close_out[unit]),
      spent[unit] === 0 ? '' : `${Math.round((estimated[unit] / spent[unit]) * 100)} %`,
    ]),
  )
  const columns = [
    { title: 'ACCOUNT', flexible: true },
    { title: 'UNIT' },
    ...['LIMIT', 'SPENT', 'RESERVED', 'KEPT', 'ESTIMATED'].map((title) => ({ title, align: 'right' as const })),
  ]
  const limits = [
    ...(budget.wall_clock_ms === null ? [] : [`wall clock ${durationText(budget.wall_clock_ms)}`]),
    ...(budget.depth === null ? [] : [`depth ${budget.depth}`]),
    ...(budget.fan_out === null ? [] : [`fan-out ${budget.fan_out}`]),
  ]
  return [
    ...table(columns, rows, { width: terminal.width(), paint: terminal.paint }),
    ...(limits.length > 0 ? [limits.join(', ')] : []),
    ...budget.children.map(
      ({ run, stage, spent }) =>
        `${oneLine(stage)} (${run}): ${figure(spent.calls)} calls, ${figure(spent.tokens)} tokens, ${figure(spent.money)} of money`,
    ),
    ...budget.raised.map(
      ({ unit, to, by, reason }) => `${unit} raised to ${figure(to)} by ${oneLine(by)}: ${oneLine(reason)}`,
    ),
  ]
}

/** Exact, unlike elsewhere: these are limits. */
const figure = (amount: number): string => amount.toLocaleString('en-US', { maximumFractionDigits: 6 })
