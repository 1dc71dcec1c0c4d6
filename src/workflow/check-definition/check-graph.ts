/** Names, order and reachability of the stages of one level. */
import { END, reservedNames, type Stage } from '../definition.ts'
import { celWords } from '../expression-syntax.ts'
import { rescueOf } from '../graph.ts'
import { outcomesOf, type Reach } from './guards.ts'
import { type Level, pathOfStage } from './levels.ts'
import { suggestion } from './nearest.ts'
import type { Findings } from './problems.ts'

/** Names: each once, none reserved, every reference known. True when the graph can be trusted. */
export function checkNames(level: Level, findings: Findings): boolean {
  const before = findings.problems.length
  const ids = [...level.index.keys()]
  const outerIds = new Set<string>()
  for (let at = level.outer; at; at = at.level.outer) for (const id of at.level.index.keys()) outerIds.add(id)
  for (const [i, stage] of level.stages.entries()) {
    const path = [...level.path, i]
    const { id } = stage
    if (level.index.get(id) !== i)
      findings.problem([...path, 'id'], `two stages are called "${id}"`, {
        remedy: 'Give each stage of a list a name of its own.',
        value: id,
      })
    if ((reservedNames as readonly string[]).includes(id))
      findings.problem(
        [...path, 'id'],
        `a stage cannot be called "${id}": the word means something else in conditions`,
        { remedy: 'Choose another id.', value: id },
      )
    else if (celWords.includes(id))
      findings.warn([...path, 'id'], `no expression can name stage "${id}": the word belongs to CEL`, {
        remedy: 'Choose another id.',
        value: id,
      })
    if (outerIds.has(id))
      findings.warn([...path, 'id'], `"${id}" hides the stage of the same name outside`, {
        remedy: 'Choose another id, so that expressions are clear.',
        value: id,
      })
    for (const [at, need] of (stage.needs ?? []).entries()) {
      if (need === id)
        findings.problem([...path, 'needs', at], `stage "${id}" needs itself`, {
          remedy: 'Remove it from needs.',
          value: need,
        })
      else unknownStage(level, need, [...path, 'needs', at], 'needs', ids, outerIds, findings)
    }
    checkTargets(level, stage, path, ids, outerIds, findings)
  }
  return findings.problems.length === before
}

function checkTargets(
  level: Level,
  stage: Stage,
  path: (string | number)[],
  ids: string[],
  outerIds: Set<string>,
  findings: Findings,
): void {
  const target = (name: string, at: (string | number)[], word: string): void => {
    if (name === END) return
    if (name === stage.id)
      findings.problem([...path, ...at], `${word} of "${stage.id}" names the stage itself`, {
        remedy: 'Repetition is a stage of kind loop.',
        value: name,
      })
    else unknownStage(level, name, [...path, ...at], word, ids, outerIds, findings)
  }
  const rescue = rescueOf(stage)
  if (rescue !== undefined) target(rescue, ['on_failure', 'then'], 'on_failure')
  if (stage.kind !== 'decide') return
  const each = (names: string | string[], at: (string | number)[], word: string): void => {
    if (typeof names === 'string') target(names, at, word)
    else for (const [i, name] of names.entries()) target(name, [...at, i], word)
  }
  for (const [i, one] of stage.cases.entries()) each(one.then, ['cases', i, 'then'], 'then')
  each(stage.otherwise, ['otherwise'], 'otherwise')
}

function unknownStage(
  level: Level,
  name: string,
  path: (string | number)[],
  word: string,
  ids: string[],
  outerIds: Set<string>,
  findings: Findings,
): void {
  if (level.index.has(name)) return
  const remedy = (): string => {
    if (outerIds.has(name))
      return `"${name}" is a stage outside this body: only stages of the same list can be named here.`
    return word === 'needs' && name === END
      ? '"end" is a target of decisions, not a stage.'
      : suggestion(name, ids, 'stage')
  }
  findings.problem(path, `${word} names an unknown stage "${name}"`, { remedy, value: name })
}

/** Cycles, each printed in the order in which its stages would have to wait: `a -> b -> a` (a waits for b). */
export function checkCycles(level: Level, findings: Findings): boolean {
  const open = new Set(level.graph.cyclic)
  for (const start of level.graph.cyclic) {
    if (!open.has(start)) continue
    const trail = new Map<string, number>()
    const walked: string[] = []
    let at: string | undefined = start
    while (at !== undefined && !trail.has(at)) {
      trail.set(at, walked.length)
      walked.push(at)
      at = (level.graph.needs.get(at) ?? []).find((need) => open.has(need))
    }
    for (const id of walked) open.delete(id)
    if (at === undefined) continue
    const cycle = walked.slice(trail.get(at))
    const first = cycle.reduce((a, b) => ((level.index.get(a) ?? 0) < (level.index.get(b) ?? 0) ? a : b))
    const turned = [...cycle.slice(cycle.indexOf(first)), ...cycle.slice(0, cycle.indexOf(first)), first]
    const shown = turned.length > 12 ? [...turned.slice(0, 6), '…', ...turned.slice(-5)] : turned
    const chosen = turned.slice(0, -1).find((id, i) => level.graph.selectors.get(id)?.includes(turned[i + 1] as string))
    findings.problem(pathOfStage(level, first), `stages wait for each other: ${shown.join(' -> ')}`, {
      remedy: chosen
        ? `"${chosen}" is chosen by a stage that waits for it. A decision can only choose what comes after it; repetition is a stage of kind loop.`
        : 'Remove one of these from needs; repetition is a stage of kind loop.',
      value: shown.join(' -> '),
    })
  }
  return level.graph.cyclic.length === 0
}

/** Stages that can never run, and joins that will be skipped with their only branch. */
export function checkReach(level: Level, reach: Reach, findings: Findings): void {
  for (const [id, reason] of reach.dead) {
    // Said once, where it begins; what merely follows is left out.
    if (/which never runs$/.test(reason)) continue
    findings.problem(pathOfStage(level, id), `stage "${id}" can never run: ${reason}`, {
      remedy: 'Remove it, or change what leads to it.',
      value: id,
    })
  }
  for (const [i, stage] of level.stages.entries()) {
    const path = [...level.path, i]
    if (stage.kind === 'decide') onlyOneWay(stage, path, findings)
    if (stage.kind === 'decide')
      for (const way of outcomesOf(stage))
        if (way.ends && way.targets.length > 0)
          findings.problem(
            [...path, ...way.field],
            `"end" ends the run at once, so ${way.targets.join(', ')} would never run`,
            { remedy: 'Name either end or stages.', value: [...way.targets, END] },
          )
    followsBranch(level, stage, i, reach, findings)
  }
}

/** A decision whose cases and `otherwise` all lead to the same stages decides nothing. */
function onlyOneWay(stage: Stage & { kind: 'decide' }, path: (string | number)[], findings: Findings): void {
  const ways = [...stage.cases.map(({ then }) => then), stage.otherwise].map((way) =>
    [way].flat().toSorted().join(', '),
  )
  if (ways[0] === END || ways.some((way) => way !== ways[0])) return
  findings.warn(path, `"${stage.id}" decides nothing: whatever holds, ${ways[0]} comes next`, {
    remedy: 'Let otherwise or a case lead elsewhere, or leave the decision out.',
    value: stage.id,
  })
}

/** Without `needs`, a stage after the last branch of a decision waits for that branch alone. */
function followsBranch(level: Level, stage: Stage, i: number, reach: Reach, findings: Findings): void {
  const before = level.stages[i - 1]
  if (stage.needs !== undefined || before === undefined || level.graph.selectors.has(stage.id)) return
  const selectors = level.graph.selectors.get(before.id) ?? []
  const decisions = selectors.filter((by) => level.graph.stages.get(by)?.kind === 'decide')
  if (decisions.length === 0 || reach.guards.get(before.id) === 'always') return
  findings.warn(
    [...level.path, i],
    `"${stage.id}" waits only for "${before.id}", and is skipped with it when ${decisions.join(', ')} takes another way`,
    {
      remedy: `If it shall run after every branch, list them: needs: [${siblings(level, decisions).join(', ')}].`,
      value: stage.id,
    },
  )
}

function siblings(level: Level, decisions: string[]): string[] {
  const names = decisions.flatMap((by) => {
    const stage = level.graph.stages.get(by)
    return stage?.kind === 'decide' ? outcomesOf(stage).flatMap((way) => way.targets) : []
  })
  return [...new Set(names)].slice(0, 20)
}
