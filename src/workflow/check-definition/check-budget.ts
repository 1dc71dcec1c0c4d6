/** Budgets that cannot hold what the definition asks of them. */
import type { Definition, Stage } from '../definition.ts'
import { milliseconds } from '../duration.ts'
import type { Level } from './levels.ts'
import type { Findings, Path } from './problems.ts'

export function checkBudget({ budget }: Definition, levels: Level[], findings: Findings): void {
  for (const level of levels)
    for (const [i, stage] of level.stages.entries()) {
      const path = [...level.path, i]
      wide(stage, path, budget?.fan_out, findings)
      larger(stage, path, budget, findings)
      if (stage.kind === 'run' && budget?.depth === 0)
        findings.problem(path, `stage "${stage.id}" starts a run, and the depth of the budget is 0`, {
          remedy: 'Raise budget.depth, or do the work here.',
        })
    }
  if (budget === undefined) return
  if (Object.keys(budget).every((name) => name === 'close_out' || name === 'when_used_up'))
    findings.problem(['budget'], 'the budget limits nothing', {
      remedy: 'Add tokens, calls, money, wall_clock, depth or fan_out.',
    })
  if (budget.close_out !== undefined && budget.calls === 1)
    findings.warn(['budget', 'close_out'], 'a budget of 1 call leaves none for the close-out', {
      remedy: 'Write calls: 2 or more.',
      value: budget.calls,
    })
  if (budget.wall_clock !== undefined && milliseconds(budget.wall_clock) === 0)
    findings.problem(['budget', 'wall_clock'], 'a run without any time does nothing', {
      remedy: 'Write a duration such as 1h.',
      value: budget.wall_clock,
    })
}

/** How many tasks, ballots or items a stage may have at most, as far as it is written. */
function widthOf(stage: Stage): { n: number; field: string } | null {
  if (stage.kind === 'tasks') return { n: stage.tasks.length, field: 'tasks' }
  if (stage.kind === 'vote')
    return { n: typeof stage.voters === 'number' ? stage.voters : stage.voters.length, field: 'voters' }
  return null
}

function wide(stage: Stage, path: Path, fan_out: number | undefined, findings: Findings): void {
  const width = widthOf(stage)
  if (fan_out === undefined || width === null || width.n <= fan_out) return
  findings.problem(
    [...path, width.field],
    `stage "${stage.id}" has ${width.n} ${width.field}, and the fan-out of the budget is ${fan_out}`,
    {
      remedy: `Write at most ${fan_out}, or raise budget.fan_out.`,
    },
  )
}

/** A part cannot have more than the whole: it would only look so. */
function larger(stage: Stage, path: Path, budget: Definition['budget'], findings: Findings): void {
  const own = 'budget' in stage ? stage.budget : undefined
  if (own === undefined) return
  if (Object.keys(own).length === 0)
    findings.problem([...path, 'budget'], `the budget of stage "${stage.id}" limits nothing`, {
      remedy: 'Add tokens, calls or money, or leave it out.',
    })
  for (const unit of ['calls', 'tokens', 'money'] as const) {
    const [part, whole] = [own[unit], budget?.[unit]]
    if (part !== undefined && whole !== undefined && part > whole)
      findings.warn(
        [...path, 'budget', unit],
        `stage "${stage.id}" may use ${part} ${unit}, and the whole run only ${whole}`,
        {
          remedy: `Write at most ${whole}, or raise the budget of the run.`,
          value: part,
        },
      )
  }
}
