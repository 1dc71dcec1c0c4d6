/** Whether a value that an expression reads will be there, and can be what it is compared with. */
import type { Definition, Stage } from '../definition.ts'
import type { Expression, Node, Path as ValuePath } from '../expression-syntax.ts'
import { hasAgreement, isUnmeasured, unmeasured } from '../run-metrics.ts'
import { implies, type Reach } from './guards.ts'
import type { Level } from './levels.ts'
import { suggestion } from './nearest.ts'
import { outputType, textsOf } from './output-types.ts'
import type { Findings, Path } from './problems.ts'
import { inputNames, resultFields, runFields } from './result-types.ts'
import { type Name, namesAt, type Order, type Place } from './scope.ts'

/** The expression that reads the value, where it stands, and how many characters of the field come before it. */
export type Where = { expression: Expression; condition: boolean; place: Place; path: Path; skip: number }

type Remedy = string | (() => string)

export class PathCheck {
  readonly #definition: Definition
  readonly #reaches: Map<Level, Reach>
  readonly #order: Order
  readonly #findings: Findings
  /** Inputs that something reads; null when an expression reads them all. */
  #usedInputs: Set<string> | null = new Set()

  constructor(definition: Definition, reaches: Map<Level, Reach>, order: Order, findings: Findings) {
    this.#definition = definition
    this.#reaches = reaches
    this.#order = order
    this.#findings = findings
  }

  unusedInputs(): string[] {
    const used = this.#usedInputs
    return Object.keys(this.#definition.inputs ?? {}).filter((name) => used && name !== 'goal' && !used.has(name))
  }

  /** False when the value cannot be read. */
  check(one: ValuePath, name: Name, where: Where): boolean {
    const { place } = where
    const field = one.members[0]
    switch (name.what) {
      case 'unknown': {
        const names = namesAt(place, this.#order)
        return this.#refuse(one, where, `unknown name "${one.root}"`, () => unknownName(one.root, names))
      }
      case 'later':
        if (one.root === place.stage?.id)
          return this.#refuse(one, where, `"${one.root}" cannot read its own result`, 'Name a stage that comes before.')
        return this.#refuse(
          one,
          where,
          `"${one.root}" is not settled by then: ${place.stage ? `"${place.stage.id}"` : 'this'} does not come after it`,
          place.stage
            ? `Add "${one.root}" to the needs of the stage, if it can come before.`
            : 'Name a stage that comes before.',
        )
      case 'misplaced':
        return this.#refuse(one, where, `"${one.root}" exists only inside a ${name.where}`, 'Name a stage or an input.')
      case 'agreement':
        return this.#agreement(one, where)
      case 'unmeasured':
        return this.#warn(
          one,
          where,
          `${one.root} is always null in a run: ${unmeasured[one.root]?.reason}`,
          'A condition over it never holds. Use coherence, or the results of stages.',
        )
      case 'inputs':
        return this.#input(one, where)
      case 'run':
        return this.#member(one, where, Object.keys(runFields), 'run')
      case 'stage':
        return field === undefined || this.#result(one, name, where)
      default:
        return true
    }
  }

  #refuse(one: ValuePath, { expression, path, skip }: Where, message: string, remedy: Remedy): false {
    this.#findings.problem(path, message, { remedy, value: expression.text, offset: skip + one.start })
    return false
  }

  #warn(one: ValuePath, { expression, path, skip }: Where, message: string, remedy: Remedy): true {
    this.#findings.warn(path, message, { remedy, value: expression.text, offset: skip + one.start })
    return true
  }

  /** Agreement takes two outputs: where there never are two, a condition over it is always null. */
  #agreement(one: ValuePath, where: Where): boolean {
    const { level, stage } = where.place
    const names = stage === null ? [...level.index.keys()] : (level.graph.needs.get(stage.id) ?? [])
    if (names.some((id) => hasAgreement(level.graph.stages.get(id) as Stage))) return true
    const what = stage === null ? 'none of the stages' : `nothing that "${stage.id}" waits for`
    const shown = names.length > 0 && names.length <= 5 ? ` (${names.join(', ')})` : ''
    return this.#warn(
      one,
      where,
      `${one.root} is always null here: ${what}${shown} has two outputs to compare`,
      'Name the stage that is meant, such as review.agreement, or let this one need it.',
    )
  }

  #input(one: ValuePath, where: Where): boolean {
    const field = one.members[0]
    if (field === undefined) this.#usedInputs = null
    else this.#usedInputs?.add(String(field))
    const known = inputNames(this.#definition)
    if (field === undefined || known.includes(String(field))) return true
    const others = known.filter((name) => name !== 'goal')
    return this.#refuse(
      one,
      where,
      `input "${field}" is not declared`,
      () => `${suggestion(String(field), others, 'declared input')} Declare it under inputs.`,
    )
  }

  #member(one: ValuePath, where: Where, known: string[], owner: string): boolean {
    const field = one.members[0]
    if (field === undefined || known.includes(String(field))) return true
    return this.#refuse(one, where, `${owner} has no "${field}"`, () => suggestion(String(field), known, 'field'))
  }

  #result(one: ValuePath, { stage, level }: Name & { what: 'stage' }, where: Where): boolean {
    const { expression, place } = where
    const known = Object.keys(resultFields[stage.kind])
    if (!this.#member(one, where, known, `a stage of kind ${stage.kind}`)) return false
    const [field, task] = one.members
    if (field === 'agreement' && !hasAgreement(stage))
      this.#warn(
        one,
        where,
        `${one.text} is always null: "${stage.id}" has a single output`,
        'Agreement takes two tasks or voters; compare a field of the output instead.',
      )
    if (field === 'outputs' && stage.kind === 'tasks' && typeof task === 'string') {
      const ids = stage.tasks.map(({ id }) => id)
      if (!ids.includes(task))
        return this.#refuse(one, where, `stage "${stage.id}" has no task "${task}"`, () =>
          suggestion(task, ids, 'task'),
        )
    }
    const output = outputType(stage, one.members, one.text)
    if (output !== null && 'mistake' in output) return this.#refuse(one, where, output.mistake, output.remedy)
    if (output !== null && 'doubt' in output) this.#warn(one, where, output.doubt, output.remedy)
    const schema = output !== null && 'schema' in output ? output.schema : null
    const closed = schema === null ? closedValues(stage, one) : textsOf(schema)
    const literal = closed ? comparedWith(expression.root, one) : undefined
    if (closed && literal !== undefined && !closed.includes(literal))
      return this.#refuse(one, where, `${one.text} is never "${literal}"`, () => suggestion(literal, closed, 'value'))
    if (!where.condition && (field === 'output' || field === 'outputs') && place.stage && level === place.level)
      this.#maySkip(one, stage, place.stage, where)
    return true
  }

  /**
   * A binding that looks into the output of a branch not taken has no value, and its task fails. Passing the output on
   * as it is gives null, which is a way to say "where there is one", and is left alone.
   */
  #maySkip(one: ValuePath, stage: Stage, reader: Stage, where: Where): void {
    const { expression, place } = where
    const guards = this.#reaches.get(place.level)?.guards
    if (!guards || (expression.plain && one.members.length === 1)) return
    if (/\bnull\b|\bhas\(|\.status\b/.test(expression.text)) return
    if (implies(place.level, guards, reader.id, stage.id)) return
    this.#warn(
      one,
      where,
      `"${stage.id}" may have been skipped by then, and there would be no ${one.text}`,
      `Guard it: ${stage.id}.status == "completed" ? ${one.text} : …`,
    )
  }
}

/** What was meant, else what there is. */
function unknownName(name: string, names: string[]): string {
  const meant = suggestion(name, names, 'name in scope')
  const useful = names.filter((one) => !isUnmeasured(one) && one !== 'collective_sync')
  const shown = `In scope: ${useful.slice(0, 20).join(', ')}${useful.length > 20 ? ' …' : ''}.`
  return meant.startsWith('Did you mean') ? `${meant} ${shown}` : shown
}

/** All values that a field of a result can have, where they are few. */
function closedValues(stage: Stage, { members }: ValuePath): readonly string[] | null {
  if (members.length !== 1) return null
  const [field] = members
  if (field === 'status') return ['completed', 'failed', 'skipped', 'running']
  if (field === 'decision' && stage.kind === 'approval') return ['approve', 'refuse']
  return field === 'winner' && stage.kind === 'vote' ? stage.options : null
}

/** The text that a path is compared with by == or !=. */
function comparedWith(node: unknown, path: ValuePath): string | undefined {
  if (Array.isArray(node)) {
    for (const one of node) {
      const found = comparedWith(one, path)
      if (found !== undefined) return found
    }
    return undefined
  }
  if (typeof node !== 'object' || node === null || !('op' in node)) return undefined
  const { op, args } = node as Node
  if (op === '==' || op === '!=') {
    const [left, right] = args as [Node, Node]
    for (const [side, other] of [
      [left, right],
      [right, left],
    ] as const)
      if (side.start === path.start && side.end === path.end && other.op === 'value' && typeof other.args === 'string')
        return other.args
  }
  return comparedWith(args, path)
}
