/**
 * What keeps the evaluation of an expression within bounds. CEL ends always, but nested macros over lists, and texts
 * that double at each step, would take longer than anyone waits. So every node visited and everything made is counted.
 */
import type { Node } from './expression-syntax.ts'

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
    if ('iterable' in node)
      for (const part of ['iterable', 'init', 'step'] as const)
        instrument((node as Record<string, unknown>)[part], meter, seen)
    return
  }
  const it = node as Node
  instrument(it.args, meter, seen)
  instrument(it.meta.alternate, meter, seen)
  if (it.op === '==' || it.op === '!=') refuseNull(it)
  const evaluate = it.meta.evaluate
  const charges = makesValues.has(it.op)
  it.setMeta('evaluate', (evaluator, self, context) => {
    if (--meter.left < 0) throw new Stop('the expression takes too much work')
    const result = evaluate(evaluator, self, context)
    if (charges) meter.left -= cost(result)
    if (typeof result === 'number' && !Number.isFinite(result))
      throw new Stop('a division by zero, or a number too large')
    return result
  })
}

function refuseNull(node: Node): void {
  const [left, right] = node.args as [Node, Node]
  const literal = (side: Node) => side.op === 'value' && side.args === null
  const { handle } = node
  if (literal(left) || literal(right) || handle === undefined) return
  node.handle = (a, b, self, evaluator) => {
    if (a === null || b === null) throw new NullOperand(node)
    return handle(a, b, self, evaluator)
  }
}

/** `==` or `!=` met null where no null is written. */
export class NullOperand extends Stop {
  readonly range: { start: number; end: number }
  constructor(node: Node) {
    super(`${node.op} cannot be applied to null`)
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
