/** Decomposition that cannot do what it says: caps that leave no room, a condition that cannot be read, levels without runs. */
import type { Decompose } from '../decomposition/schema.ts'
import type { Definition, EffectClass, Task } from '../definition.ts'
import { errorStart, friendly, readExpression } from '../expression-syntax.ts'
import type { Level } from './levels.ts'
import type { Findings, Path } from './problems.ts'

const USUAL_DEPTH = 3
const leavesTraces: ReadonlySet<EffectClass> = new Set(['idempotent', 'reconcilable', 'repeatable', 'unsafe'])

export function checkDecompose(definition: Definition, levels: Level[], findings: Findings): void {
  const depth = definition.budget?.depth
  said(definition.decompose, ['decompose'], false, depth, findings)
  for (const level of levels)
    for (const [i, stage] of level.stages.entries()) {
      if (stage.kind !== 'tasks') continue
      const path = [...level.path, i]
      said(stage.decompose, [...path, 'decompose'], false, depth, findings)
      for (const [n, task] of stage.tasks.entries()) {
        const at = [...path, 'tasks', n]
        said(task.decompose, [...at, 'decompose'], true, depth, findings)
        const meant = task.decompose ?? stage.decompose ?? definition.decompose ?? false
        if (meant !== false) traces(task, at, findings)
      }
    }
}

function said(
  decompose: Decompose | undefined,
  path: Path,
  ofTask: boolean,
  runs: number | undefined,
  findings: Findings,
): void {
  if (decompose === undefined || decompose === false) return
  const { depth = USUAL_DEPTH, breadth, nodes, too_large, success } = decompose === true ? {} : decompose
  if (runs !== undefined && runs < depth - 1)
    findings.warn(path, `${depth} levels take ${depth - 1} runs below this one, and the budget of depth is ${runs}`, {
      remedy: `Raise budget.depth to ${depth - 1}, or write decompose.depth: ${Math.max(2, runs + 1)}.`,
    })
  if (nodes !== undefined && breadth !== undefined && nodes <= breadth)
    findings.problem(
      [...path, 'nodes'],
      `${nodes} tasks in all leave no room for ${breadth} parts and the task itself`,
      {
        remedy: `Write at least ${breadth + 1}, or a smaller breadth.`,
        value: nodes,
      },
    )
  if (too_large === true && !ofTask)
    findings.problem([...path, 'too_large'], 'too_large is said of a single task, not of all', {
      remedy: 'Move it to the task that is too large.',
      at: 'key',
    })
  if (success !== undefined) condition(success, [...path, 'success'], findings)
}

function condition(text: string, path: Path, findings: Findings): void {
  const read = readExpression(text)
  if (!read.ok)
    return findings.problem(path, read.failure.message, {
      remedy: read.failure.remedy ?? 'Correct the expression.',
      value: text,
      offset: (read.failure.column ?? 1) - 1,
    })
  const { paths, check } = read.value
  const foreign = paths.find(({ root }) => root !== 'output')
  if (foreign !== undefined)
    return findings.problem(path, `"${foreign.root}" cannot be read here: only output, what the task gave`, {
      remedy: 'Write a condition over output, such as output.score >= 7 or size(output) > 200.',
      value: text,
      offset: foreign.start,
    })
  const { valid, type, error } = check()
  if (!valid)
    return findings.problem(path, friendly(error, text), {
      remedy: 'Compare and calculate with values of one type.',
      value: text,
      offset: errorStart(error),
    })
  if (paths.length === 0 || (type !== 'bool' && type !== 'dyn'))
    findings.problem(path, 'this says nothing about output: it is no condition over it', {
      remedy: 'Compare output with something, such as output.score >= 7.',
      value: text,
    })
}

function traces(task: Task, path: Path, findings: Findings): void {
  if (task.effect === undefined || !leavesTraces.has(task.effect) || task.compensate !== undefined) return
  findings.warn(
    path,
    `the effect of task "${task.id}" (${task.effect}) may stay behind when it is divided: it has no compensation`,
    { remedy: 'Add compensate: who undoes it, and how.', value: task.effect },
  )
}
