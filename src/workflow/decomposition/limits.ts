/** Which tasks may be decomposed, within what caps, and whether a plan is any smaller than what it is a plan of. */

import { countedUnits, type Limits } from '../../budget/amounts.ts'
import { left, type Tree } from '../../budget/tree.ts'
import type { FailureKind } from '../../failure.ts'
import { contentHash } from '../content-hash.ts'
import type { Definition, Stage, Task } from '../definition.ts'
import type { Place, Turn } from '../turn.ts'
import type { Decompose } from './schema.ts'
import type { DividedTask, TreeLimits } from './state.ts'

/** Enough for (breadth, depth) = (3, 4): 40 executions (algorithms of ADaPT, Prasad et al. 2024). */
const USUAL: TreeLimits = { depth: 3, breadth: 5, nodes: 40 }

/** What the definition says of a task: the nearest word counts, that of the task, its stage, or the definition. */
export function declared(turn: Turn, place: Place, task: Pick<Task, 'decompose'>): Exclude<Decompose, boolean> | null {
  const own = place.stage.kind === 'tasks' ? place.stage.decompose : undefined
  const said = task.decompose ?? own ?? turn.definition?.decompose ?? false
  return said === false ? null : said === true ? {} : said
}

/**
 * Caps for a task: those of the tree that its run belongs to, else its own. Null: it is not to be decomposed.
 * `level` counts from 1, `share` is how many tasks may still be planned below it.
 */
export function limitsFor(
  turn: Turn,
  place: Place,
  task: Pick<Task, 'decompose'>,
): { limits: TreeLimits; level: number; share: number } | null {
  const tree = turn.state.decomposition
  if (tree !== undefined) {
    if (task.decompose === false) return null
    const { depth, breadth, nodes, level } = tree
    return {
      limits: { depth, breadth, nodes },
      level,
      share: Math.floor(Math.max(0, tree.left) / siblingsLeft(turn, place)),
    }
  }
  const own = declared(turn, place, task)
  if (own === null) return null
  const limits = {
    depth: own.depth ?? USUAL.depth,
    breadth: own.breadth ?? USUAL.breadth,
    nodes: own.nodes ?? USUAL.nodes,
  }
  return { limits, level: 1, share: limits.nodes - 1 }
}

/** Tasks of this level that have not settled, this one included: each may need as much as this one. */
export const siblingsLeft = (turn: Turn, place: Place): number =>
  Math.max(1, (turn.stageState(place).open ?? 1) + Math.max(0, place.scope.open - 1))

/** A child gets at most what is left of each limit, divided by the siblings that are left. */
export const budgetShare = (tree: Tree, account: string, siblings: number): Limits =>
  Object.fromEntries(
    countedUnits.flatMap((unit) => {
      const rest = left(tree, account, unit)
      return rest === null ? [] : [[unit, Math.floor(rest / siblings)]]
    }),
  )

/** Whether any task of the definition may be decomposed, so that runs of parts draw on its budget. */
export function mayDecompose(definition: Definition): boolean {
  const on = (said: Decompose | undefined): boolean => said !== undefined && said !== false
  const within = (stages: readonly Stage[]): boolean =>
    stages.some((stage) =>
      stage.kind === 'tasks'
        ? on(stage.decompose) || stage.tasks.some((task) => on(task.decompose))
        : (stage.kind === 'loop' || stage.kind === 'for_each') && within(stage.stages),
    )
  return on(definition.decompose) || within(definition.stages)
}

/** Failures that say that a task was too hard. What nobody can reach, pay or allow is no easier in parts. */
const tooHard: ReadonlySet<FailureKind> = new Set([
  'agent_failed',
  'output_invalid',
  'timeout',
  'limit_exceeded',
  'too_large',
  'unsupported',
  'no_progress',
])

export const isTooHard = (kind: FailureKind): boolean => tooHard.has(kind)

/** Letters and digits in lower case: what a text says, whatever its dress. */
const normal = (text: string): string => (text.toLowerCase().match(/[\p{L}\p{N}]+/gu) ?? []).join(' ')

/** Stands before the last of the parts that are all needed; it says nothing of the work itself. */
export const GIVES_RESULT = 'Give the result of the whole task.'

/** What a task is known by among those above it. */
export const taskHash = (instructions: string): string =>
  contentHash(normal(instructions.startsWith(GIVES_RESULT) ? instructions.slice(GIVES_RESULT.length) : instructions))

/** What a plan is known by: its logic and its parts, whoever does them. */
export const planHash = ({ logic, parts }: Pick<DividedTask, 'logic' | 'parts'>): string =>
  contentHash({ logic, parts: parts.map(({ does }) => normal(does)) })

/** Why a plan is no progress, or null: it is one step, or repeats its parent, an ancestor or the plan of one. */
export function repeats(
  plan: Pick<DividedTask, 'logic' | 'parts'>,
  above: { tasks: readonly string[]; plans: readonly string[] },
): string | null {
  const hashes = plan.parts.map(({ does }) => taskHash(does))
  const again = hashes.findIndex((hash) => above.tasks.includes(hash))
  if (again >= 0) return `part ${again + 1} is the whole task, or one above it, again`
  if (new Set(hashes).size < 2) return 'the plan is a single part'
  return above.plans.includes(planHash(plan)) ? 'the plan is that of a task above it, again' : null
}
