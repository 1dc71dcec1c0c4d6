/**
 * What keeps the evaluation of an expression within bounds. CEL ends always, but nested macros over lists, and texts
 * that double at each step, would take longer than anyone waits. So every node visited and everything made is counted.
 */
import type { Node } from './expression-syntax.ts'
import { LargeValue, OutOfSight } from './large-value.ts'

/** Units of work of one evaluation: nodes visited, list items and every 16 characters made. About 0.2 s at most. */
export const WORK = 1_000_000

/** What is left of {@link WORK}. */
export type Meter = { left: number }

/** A refusal to go on, raised inside an evaluation and turned into a reason at its end. */
export class Stop extends Error {}

const makesValues = new Set(['+', 'call', 'rcall', 'comprehension', 'list', 'map'])

/**
 * Bounds the cost of an evaluation, keeps non-numbers from spreading, and makes `==` with null have no value. To be
 * called once on a checked tree: checking replaces what is wrapped here.
 */
export function instrument(node: unknown, meter: Meter, seen: Set<unknown>): void {
  if (typeof node !== 'object' || node === null || seen.has(node)) return
  seen.add(node)
  if (Array.isArray(node)) {
    for (const item of node) instrument(item, meter, seen)
    return
  }
  if (!('op' in node) || !('meta' in node)) {
    // The parts of a comprehension are held in a plain object.
    if ('iterable' in node) {
      for (const part of ['iterable', 'init', 'step'] as const)
        instrument((node as Record<string, unknown>)[part], meter, seen)
      refuseLargeList(node.iterable as Node)
    }
    return
  }
  const it = node as Node
  instrument(it.args, meter, seen)
  instrument(it.meta.alternate, meter, seen)
  if (it.op === '==' || it.op === '!=' || it.op === 'in') refuseUnknown(it)
  if (it.meta.macro !== undefined) refuseHidden(it, it.meta.macro)
  const evaluate = it.meta.evaluate
  const charges = makesValues.has(it.op)
  it.setMeta('evaluate', (evaluator, self, context) => {
    if (--meter.left < 0) throw new Stop('the expression takes too much work')
    let result: unknown
    try {
      result = evaluate(evaluator, self, context)
    } catch (error) {
      if (error instanceof OutOfSight) error.range ??= { start: it.start, end: it.end }
      throw error
    }
    if (charges) meter.left -= cost(result)
    if (typeof result === 'number' && !Number.isFinite(result))
      throw new Stop('a division by zero, or a number too large')
    return result
  })
}

/** Comparing with what is null, or not known, has no value. */
function refuseUnknown(node: Node): void {
  const [left, right] = node.args as [Node, Node]
  const literal = (side: Node) => side.op === 'value' && side.args === null
  const { handle } = node
  if (node.op !== 'in' && literal(left)) return absentIsNull(right)
  if (node.op !== 'in' && literal(right)) return absentIsNull(left)
  if (handle === undefined) return
  node.handle = (a, b, self, evaluator) => {
    if (node.op !== 'in' && (a === null || b === null)) throw new UnknownOperand(node, 'null')
    // An object is asked for one of its keys, and those are all there.
    if (holdsLarge(a) || ((node.op !== 'in' || Array.isArray(b) || b instanceof LargeValue) && holdsLarge(b)))
      throw new UnknownOperand(node, 'a large value')
    return handle(a, b, self, evaluator)
  }
}

function refuseLargeList(list: Node): void {
  const { evaluate } = list.meta
  list.setMeta('evaluate', (evaluator, self, context) => {
    const value = evaluate(evaluator, self, context)
    if (value instanceof LargeValue) throw new UnknownOperand(list, 'a large value')
    return value
  })
}

/** `has`, the only macro that is not written out as a comprehension: a field of what is held elsewhere may be there. */
function refuseHidden(has: Node, macro: NonNullable<Node['meta']['macro']>): void {
  const { evaluate } = macro
  let [root] = (has.args as [string, [Node]])[1]
  const fields: string[] = []
  while (root.op === '.') {
    const [left, field] = root.args as [Node, string]
    fields.unshift(field)
    root = left
  }
  macro.evaluate = (evaluator, self, context) => {
    const there = evaluate(evaluator, self, context)
    if (there) return true
    let at = root.meta.evaluate(evaluator, root, context)
    for (const field of fields) {
      if (at instanceof LargeValue) throw new UnknownOperand(has, 'a large value')
      at = at instanceof Map ? at.get(field) : undefined
    }
    return false
  }
}

function holdsLarge(value: unknown): boolean {
  if (typeof value !== 'object' || value === null || value instanceof LargeValue) return value instanceof LargeValue
  return (Array.isArray(value) || value instanceof Map ? [...value.values()] : Object.values(value)).some(holdsLarge)
}

/** Where null is asked for, what is not there is null; what is not known, because it lies in a large value, is not. */
function absentIsNull(path: Node): void {
  if (path.op !== '.' && path.op !== '[]') return
  const { evaluate } = path.meta
  path.setMeta('evaluate', (evaluator, self, context) => {
    try {
      return evaluate(evaluator, self, context)
    } catch (error) {
      const { code } = error as { code?: string }
      if ((code !== 'no_such_key' && code !== 'index_out_of_bounds') || inLargeValue(path, evaluator, context))
        throw error
      return null
    }
  })
}

function inLargeValue(path: Node, evaluator: unknown, context: unknown): boolean {
  for (let at = path; at.op === '.' || at.op === '[]'; ) {
    at = (at.args as [Node])[0]
    try {
      return at.meta.evaluate(evaluator, at, context) instanceof LargeValue
    } catch {
      // This is not there either: its own parent says why.
    }
  }
  return false
}

/** `==`, `!=`, `in` or a macro met a value that is null where no null is written, or that is held elsewhere. */
export class UnknownOperand extends Stop {
  readonly range: { start: number; end: number }
  constructor(node: Node, what: string) {
    super(`${/^\W+$|^in$/.test(node.op) ? node.op : 'this'} cannot be applied to ${what}`)
    this.range = { start: node.start, end: node.end }
  }
}

const textCost = (value: unknown): number => (typeof value === 'string' ? value.length >> 4 : 0)

function cost(value: unknown): number {
  if (!Array.isArray(value)) return textCost(value)
  let sum = value.length
  for (const item of value) sum += textCost(item)
  return sum
}
