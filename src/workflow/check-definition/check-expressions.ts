/** Every condition and binding: syntax, names, types, and whether what it reads will be there. */
import type { Environment } from '@marcbachmann/cel-js'
import type { Definition, Stage } from '../definition.ts'
import { type Expression, errorStart, friendly, readExpression, type Path as ValuePath } from '../expression-syntax.ts'
import { isAgreement, unmeasured } from '../run-metrics.ts'
import { isBlobRef, type Json, LOOKS_LIKE_A_REFERENCE } from '../value.ts'
import { PathCheck } from './check-paths.ts'
import type { Reach } from './guards.ts'
import type { Level } from './levels.ts'
import { declaredAs, outputType } from './output-types.ts'
import type { Findings, Path } from './problems.ts'
import { declared, typedEnvironment } from './result-types.ts'
import { type Name, nameAt, Order, type Place } from './scope.ts'

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
  readonly #paths: PathCheck
  readonly #findings: Findings
  readonly #environment: Environment
  readonly #order = new Order()
  readonly #bodies = new Map<Stage, Level>()

  constructor(definition: Definition, reaches: Map<Level, Reach>, findings: Findings) {
    this.#definition = definition
    this.#paths = new PathCheck(definition, reaches, this.#order, findings)
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
    for (const name of this.#paths.unusedInputs())
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
          this.#placeholders(task.instructions, place, [...path, 'tasks', i, 'instructions'])
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
        this.#placeholders(stage.question, place, [...path, 'question'])
        return this.#bindings(stage.input, place, [...path, 'input'])
      case 'run':
        return this.#bindings(stage.input, place, [...path, 'input'])
      case 'approval':
        this.#placeholders(stage.question, place, [...path, 'question'])
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
        (root) => inner.index.has(root) || root === 'iteration' || root === 'run' || isAgreement(root),
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

  /** Instructions are given as they stand: values reach an agent as input alone. */
  #placeholders(text: string, place: Place, path: Path): void {
    const found = /\{\{\s*=?\s*([a-z_]\w*)([\w.[\]]*)[^}]{0,200}\}\}|\$\{\s*([a-z_]\w*)([\w.[\]]*)[^}]{0,200}\}/.exec(
      text,
    )
    const root = found?.[1] ?? found?.[3]
    if (found === null || root === undefined || nameAt(place, root, this.#order).what === 'unknown') return
    this.#findings.warn(path, `${found[0].slice(0, 80)} is not filled in: instructions are given as they stand`, {
      remedy: `Give it as input: { ${root === 'inputs' ? 'value' : root}: =${root}${found[2] ?? found[4] ?? ''} }, and speak of it by that name.`,
      value: found[0],
      offset: found.index,
    })
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
    else if (isBlobRef(binding))
      this.#findings.problem(path, LOOKS_LIKE_A_REFERENCE, { remedy: 'Write the value itself.', value: binding })
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
    const typed = (one: ValuePath): string | null => {
      const name = names.get(one.root)
      const known = name?.what === 'stage' ? outputType(name.stage, one.members, one.text) : null
      return known !== null && 'schema' in known ? declaredAs(known.schema) : null
    }
    const read = readExpression(text, this.#environment, rename, typed)
    if (!read.ok) {
      const doubled = text.trimStart().startsWith('=')
      this.#findings.problem(path, doubled ? 'an expression does not begin with "=" here' : read.failure.message, {
        remedy: doubled
          ? `Leave it out: ${text.replace(/^\s*=+\s*/, '').slice(0, 80)}`
          : (read.failure.remedy ?? 'Correct the expression.'),
        value: text,
        offset: skip + (read.failure.column ?? 1) - 1,
      })
      return null
    }
    const expression = read.value
    let sound = true
    const where = { expression, condition: use === 'condition', place, path, skip }
    for (const one of expression.paths) sound = this.#paths.check(one, names.get(one.root) as Name, where) && sound
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
}

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
    case 'unmeasured':
      return unmeasured[name.name]?.type === 'bool' ? declared.boolean : declared.number
    default:
      return declared.any
  }
}

const yielded = (type: string | undefined): string =>
  ({ double: 'a number', int: 'a number', string: 'a text', bool: 'true or false', map: 'an object', null: 'null' })[
    (type ?? '').replace(/<.*/, '')
  ] ??
  (type?.startsWith('list') ? 'a list' : type?.startsWith('result_of_') ? 'the whole result of a stage' : 'an object')
