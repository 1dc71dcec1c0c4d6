/** Every condition and binding: syntax, names, types, and whether what it reads will be there. */
import type { Environment } from '@marcbachmann/cel-js'
import type { Definition, Stage } from '../definition.ts'
import {
  type Expression,
  errorStart,
  friendly,
  type Node,
  readExpression,
  type Path as ValuePath,
} from '../expression-syntax.ts'
import type { Json } from '../value.ts'
import { implies, type Reach } from './guards.ts'
import type { Level } from './levels.ts'
import { suggestion } from './nearest.ts'
import type { Findings, Path } from './problems.ts'
import { declared, inputNames, resultFields, runFields, typedEnvironment } from './result-types.ts'
import { type Name, nameAt, namesAt, Order, type Place } from './scope.ts'

type Use = 'condition' | 'binding' | 'list'

export function checkExpressions(
  definition: Definition,
  levels: Level[],
  reaches: Map<Level, Reach>,
  findings: Findings,
): void {
  new ExpressionCheck(definition, reaches, findings).all(levels)
}

class ExpressionCheck {
  readonly #definition: Definition
  readonly #reaches: Map<Level, Reach>
  readonly #findings: Findings
  readonly #environment: Environment
  readonly #order = new Order()
  readonly #bodies = new Map<Stage, Level>()
  /** Inputs that something reads; null when an expression reads them all. */
  #usedInputs: Set<string> | null = new Set()

  constructor(definition: Definition, reaches: Map<Level, Reach>, findings: Findings) {
    this.#definition = definition
    this.#reaches = reaches
    this.#findings = findings
    this.#environment = typedEnvironment(definition)
  }

  all(levels: Level[]): void {
    for (const level of levels) if (level.outer) this.#bodies.set(level.outer.stage, level)
    for (const level of levels)
      for (const [i, stage] of level.stages.entries()) this.#stage(level, stage, [...level.path, i])
    const top = levels[0]
    if (!top) return
    const end: Place = { level: top, stage: null, ownIncluded: false }
    for (const [i, rule] of (this.#definition.feedback ?? []).entries())
      this.#expression(rule.when, 'condition', end, ['feedback', i, 'when'], 0)
    for (const [i, goal] of (this.#definition.success ?? []).entries())
      this.#expression(goal.when, 'condition', end, ['success', i, 'when'], 0)
    this.#binding(this.#definition.output, end, ['output'])
    if (this.#usedInputs)
      for (const name of Object.keys(this.#definition.inputs ?? {}))
        if (name !== 'goal' && !this.#usedInputs.has(name))
          this.#findings.warn(['inputs', name], `input "${name}" is declared and never used`, {
            remedy: `Read it as =inputs.${name} in the input of a task, or remove it.`,
            at: 'key',
          })
  }

  #stage(level: Level, stage: Stage, path: Path): void {
    const place: Place = { level, stage, ownIncluded: false }
    switch (stage.kind) {
      case 'tasks':
        for (const [i, task] of stage.tasks.entries()) {
          this.#bindings(task.input, place, [...path, 'tasks', i, 'input'])
          this.#bindings(task.compensate?.input, { ...place, ownIncluded: true }, [
            ...path,
            'tasks',
            i,
            'compensate',
            'input',
          ])
        }
        return
      case 'vote':
      case 'run':
        return this.#bindings(stage.input, place, [...path, 'input'])
      case 'approval':
        return this.#bindings(stage.show, place, [...path, 'show'])
      case 'wait':
        return this.#binding(stage.default, place, [...path, 'default'])
      case 'decide':
        for (const [i, one] of stage.cases.entries())
          this.#expression(one.when, 'condition', place, [...path, 'cases', i, 'when'], 0)
        return
      case 'for_each':
        this.#expression(stage.items.slice(1), 'list', place, [...path, 'items'], 1)
        return
      case 'loop': {
        const inner = this.#bodies.get(stage)
        if (inner) this.#until(inner, stage, [...path, 'until'])
        return
      }
      case 'timer':
        return
    }
  }

  #until(inner: Level, stage: Stage & { kind: 'loop' }, path: Path): void {
    const expression = this.#expression(
      stage.until,
      'condition',
      { level: inner, stage: null, ownIncluded: false },
      path,
      0,
    )
    if (
      !expression ||
      expression.roots.some(
        (root) =>
          inner.index.has(root) ||
          root === 'iteration' ||
          root === 'run' ||
          root === 'coherence' ||
          root === 'agreement',
      )
    )
      return
    this.#findings.warn(
      path,
      `until never changes: it reads nothing of the loop's own stages (${[...inner.index.keys()].slice(0, 8).join(', ')})`,
      {
        remedy: 'Name one of them, such as review.agreement >= 0.8, or the loop always runs max times.',
        value: stage.until,
      },
    )
  }

  #bindings(input: { [name: string]: Json } | undefined, place: Place, path: Path): void {
    for (const [name, binding] of Object.entries(input ?? {})) this.#binding(binding, place, [...path, name])
  }

  #binding(binding: Json | undefined, place: Place, path: Path): void {
    if (typeof binding === 'string') {
      if (binding.startsWith('=') && !binding.startsWith('=='))
        this.#expression(binding.slice(1), 'binding', place, path, 1)
      else if (/^\s*(\{\{|\$\{)/.test(binding))
        this.#findings.warn(path, 'this is taken as it stands: nothing is filled into it', {
          remedy: 'An expression begins with "=", such as =inputs.topic.',
          value: binding,
        })
    } else if (Array.isArray(binding))
      for (const [i, item] of binding.entries()) this.#binding(item, place, [...path, i])
    else if (typeof binding === 'object' && binding !== null)
      for (const [key, item] of Object.entries(binding)) this.#binding(item, place, [...path, key])
  }

  #expression(text: string, use: Use, place: Place, path: Path, skip: number): Expression | null {
    const names = new Map<string, Name>()
    const rename = (root: string): string => {
      const name = names.get(root) ?? nameAt(place, root, this.#order)
      names.set(root, name)
      return declaredName(name)
    }
    const read = readExpression(text, this.#environment, rename)
    if (!read.ok) {
      this.#findings.problem(path, read.failure.message, {
        remedy: read.failure.remedy ?? 'Correct the expression.',
        value: text,
        offset: skip + (read.failure.column ?? 1) - 1,
      })
      return null
    }
    const expression = read.value
    let sound = true
    for (const one of expression.paths)
      sound = this.#path(one, names.get(one.root) as Name, expression, use, place, path, skip) && sound
    if (sound) this.#types(expression, use, path, skip)
    return expression
  }

  #types(expression: Expression, use: Use, path: Path, skip: number): void {
    const { valid, type, error } = expression.check()
    const { text } = expression
    if (!valid) {
      this.#findings.problem(path, friendly(error, text), {
        remedy: 'Compare and calculate with values of one type; convert with string(…), int(…) or double(…).',
        value: text,
        offset: skip + errorStart(error),
      })
      return
    }
    if (use === 'condition' && type !== 'bool' && type !== 'dyn')
      this.#findings.problem(path, `the condition yields ${yielded(type)}, not true or false`, {
        remedy: 'Compare it with something, such as review.failed > 2.',
        value: text,
        offset: skip,
      })
    if (use === 'list' && type !== 'dyn' && !type?.startsWith('list'))
      this.#findings.problem(path, `items yields ${yielded(type)}, not a list`, {
        remedy: 'Name a list, such as =inputs.documents.',
        value: text,
        offset: skip,
      })
  }

  /** One value that is read: false when it cannot be. */
  #path(one: ValuePath, name: Name, expression: Expression, use: Use, place: Place, path: Path, skip: number): boolean {
    const { text } = expression
    const refuse = (message: string, remedy: string | (() => string), offset = one.start): false => {
      this.#findings.problem(path, message, { remedy, value: text, offset: skip + offset })
      return false
    }
    const field = one.members[0]
    switch (name.what) {
      case 'unknown':
        return refuse(
          `unknown name "${one.root}"`,
          () =>
            `${suggestion(one.root, namesAt(place, this.#order), 'name in scope')} ${inScope(namesAt(place, this.#order))}`,
        )
      case 'later':
        if (one.root === place.stage?.id)
          return refuse(`"${one.root}" cannot read its own result`, 'Name a stage that comes before.')
        return refuse(
          `"${one.root}" is not settled by then: ${place.stage ? `"${place.stage.id}"` : 'this'} does not come after it`,
          place.stage
            ? `Add "${one.root}" to the needs of the stage, if it can come before.`
            : 'Name a stage that comes before.',
        )
      case 'misplaced':
        return refuse(`"${one.root}" exists only inside a ${name.where}`, 'Name a stage or an input.')
      case 'inputs':
        return this.#input(field, refuse)
      case 'run':
        return this.#member(field, Object.keys(runFields), 'run', refuse)
      case 'stage':
        if (field === undefined) return true
        if (
          !this.#member(field, Object.keys(resultFields[name.stage.kind]), `a stage of kind ${name.stage.kind}`, refuse)
        )
          return false
        return this.#result(one, name, expression, use, place, path, skip, refuse)
      default:
        return true
    }
  }

  #input(field: string | number | undefined, refuse: Refuse): boolean {
    if (field === undefined) this.#usedInputs = null
    else this.#usedInputs?.add(String(field))
    const known = inputNames(this.#definition)
    if (field === undefined || known.includes(String(field))) return true
    return refuse(
      `input "${field}" is not declared`,
      () =>
        `${suggestion(
          String(field),
          known.filter((name) => name !== 'goal'),
          'declared input',
        )} Declare it under inputs.`,
    )
  }

  #member(field: string | number | undefined, known: string[], owner: string, refuse: Refuse): boolean {
    if (field === undefined || known.includes(String(field))) return true
    return refuse(`${owner} has no "${field}"`, () => suggestion(String(field), known, 'field'))
  }

  #result(
    one: ValuePath,
    name: Name & { what: 'stage' },
    expression: Expression,
    use: Use,
    place: Place,
    path: Path,
    skip: number,
    refuse: Refuse,
  ): boolean {
    const { stage, level } = name
    const [field, task] = one.members
    if (field === 'outputs' && stage.kind === 'tasks' && typeof task === 'string') {
      const ids = stage.tasks.map(({ id }) => id)
      if (!ids.includes(task))
        return refuse(`stage "${stage.id}" has no task "${task}"`, () => suggestion(task, ids, 'task'))
    }
    const closed = closedValues(stage, String(field))
    const literal = closed && one.members.length === 1 ? comparedWith(expression.root, one) : undefined
    if (closed && literal !== undefined && !closed.includes(literal))
      return refuse(`${one.text} is never "${literal}"`, () => suggestion(literal, closed, 'value'))
    if (use !== 'condition' && (field === 'output' || field === 'outputs') && place.stage && level === place.level)
      this.#maySkip(one, stage, expression, place.stage, level, path, skip)
    return true
  }

  /**
   * A binding that looks into the output of a branch not taken has no value, and its task fails. Passing the output on
   * as it is gives null, which is a way to say "where there is one", and is left alone.
   */
  #maySkip(
    one: ValuePath,
    stage: Stage,
    expression: Expression,
    reader: Stage,
    level: Level,
    path: Path,
    skip: number,
  ): void {
    const guards = this.#reaches.get(level)?.guards
    if (!guards || (expression.plain && one.members.length === 1)) return
    if (/\bnull\b|\bhas\(|\.status\b/.test(expression.text) || implies(level, guards, reader.id, stage.id)) return
    this.#findings.warn(path, `"${stage.id}" may have been skipped by then, and there would be no ${one.text}`, {
      remedy: `Guard it: ${stage.id}.status == "completed" ? ${one.text} : …`,
      value: expression.text,
      offset: skip + one.start,
    })
  }
}

type Refuse = (message: string, remedy: string | (() => string), offset?: number) => false

function declaredName(name: Name): string {
  switch (name.what) {
    case 'stage':
      return declared.stage(name.stage.kind)
    case 'inputs':
      return declared.inputs
    case 'run':
      return declared.run
    case 'agreement':
      return declared.number
    default:
      return declared.any
  }
}

const inScope = (names: string[]): string =>
  `In scope: ${names.slice(0, 20).join(', ')}${names.length > 20 ? ' …' : ''}.`

const yielded = (type: string | undefined): string =>
  ({ double: 'a number', int: 'a number', string: 'a text', bool: 'true or false', map: 'an object', null: 'null' })[
    (type ?? '').replace(/<.*/, '')
  ] ??
  (type?.startsWith('list') ? 'a list' : type?.startsWith('result_of_') ? 'the whole result of a stage' : 'an object')

/** All values that a field can have, where they are few. */
function closedValues(stage: Stage, field: string): readonly string[] | null {
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
