/**
 * Reading CEL expressions (https://github.com/google/cel-spec): syntax, the functions that are allowed, and which
 * values an expression reads. What it evaluates to is in expression.ts; its types against a definition in
 * check-definition/.
 *
 * Only what is deterministic and of bounded cost is allowed: no clock, no regular expressions (a pattern can take
 * exponential time), no `cel.bind`. Numbers mix freely: JSON has one kind of number, so int and double are
 * compared and calculated with each other.
 */
import { Environment } from '@marcbachmann/cel-js'
import { excerpt, fail, ok, type Result } from '../failure.ts'
import { LargeValue, OutOfSight } from './large-value.ts'

export const expressionLimits = { characters: 2_000, nodes: 500, depth: 64, list: 10_000, cached: 2_000 } as const

/** Words that CEL keeps for itself; a stage of such a name exists, but no expression can name it. */
export const celWords =
  'as break const continue else for function if import in let loop package namespace return var void while'.split(' ')

const operators = ['+', '-', '*', '/', '%'] as const
const functions = new Set(
  'size string int double bool has startsWith endsWith contains lowerAscii upperAscii trim indexOf lastIndexOf substring split join all exists exists_one map filter'.split(
    ' ',
  ),
)
const macrosWithVariable = new Set(['all', 'exists', 'exists_one', 'map', 'filter'])

/** A node of the library's tree: what of it is used here. The library's own types leave `meta` out. */
export type Node = {
  op: string
  args: unknown
  start: number
  end: number
  meta: {
    alternate?: Node
    check: unknown
    evaluate: (evaluator: unknown, node: Node, context: unknown) => unknown
    macro?: { evaluate: (evaluator: unknown, macro: unknown, context: unknown) => unknown }
  }
  setMeta<K extends 'check' | 'evaluate'>(key: K, value: Node['meta'][K]): Node
  handle?: (left: unknown, right: unknown, node: Node, evaluator: unknown) => unknown
}

/** A value that the expression reads: `review.outputs.draft`, `item[0]`. */
export type Path = { text: string; root: string; members: (string | number)[]; start: number; end: number }

export type Expression = {
  text: string
  root: Node
  paths: Path[]
  /** Names that must be in scope, in order of appearance. */
  roots: string[]
  /** The whole expression is one path: its value may be passed on untouched. */
  plain: Path | null
  run: (context: Map<string, unknown>) => unknown
  check: () => { valid: boolean; type?: string; error?: unknown }
}

/** Free names are renamed so that a stage may be called `list` or `double`, which CEL predefines as types. */
export const variable = (name: string): string => `v_${name}`

/** An environment in which numbers of both kinds mix. Types and variables may be added to a clone. */
export function createEnvironment(unknownAreDynamic: boolean): Environment {
  const environment = new Environment({
    unlistedVariablesAreDyn: unknownAreDynamic,
    homogeneousAggregateLiterals: false,
    limits: { maxAstNodes: expressionLimits.nodes, maxDepth: expressionLimits.depth },
  })
  for (const op of operators) {
    const calculate = calculation[op]
    environment.registerOperator(`double ${op} int: double`, calculate)
    environment.registerOperator(`int ${op} double: double`, calculate)
  }
  environment.registerOperator('double % double: double', calculation['%'])
  environment.registerOperator('double == int', (a: number, b: bigint) => a === Number(b))
  environment.registerType('LargeValue', { ctor: LargeValue, fields: {} })
  environment.registerOperator('LargeValue == null', () => false)
  for (const size of ['size(LargeValue): int', 'LargeValue.size(): int'])
    environment.registerFunction(size, (value: LargeValue) => {
      const { count } = LargeValue.referenceOf(value)
      if (count === undefined) throw new OutOfSight()
      return BigInt(count)
    })
  return environment
}

type Calculation = (a: number | bigint, b: number | bigint) => number
const calculation: { [O in (typeof operators)[number]]: Calculation } = {
  '+': (a, b) => Number(a) + Number(b),
  '-': (a, b) => Number(a) - Number(b),
  '*': (a, b) => Number(a) * Number(b),
  '/': (a, b) => Number(a) / Number(b),
  '%': (a, b) => Number(a) % Number(b),
}

const dynamic = createEnvironment(true)

/**
 * Syntax, allowed functions and names of an expression; not its types. Each call gives a tree of its own.
 * @param environment where types and variables are declared
 * @param rename the name in that environment of a name in the text
 * @param typed the name in that environment that stands for a path as a whole, where its type is known; for checking alone
 */
export function readExpression(
  text: string,
  environment: Environment = dynamic,
  rename: (name: string) => string = variable,
  typed?: (path: Path) => string | null,
): Result<Expression> {
  if (text.trim() === '') return syntaxFailure(text, 0, 'the expression is empty')
  if (text.length > expressionLimits.characters)
    return fail(
      'too_large',
      `an expression has at most ${expressionLimits.characters} characters, this one has ${text.length}`,
      {
        value: excerpt(text),
        remedy: 'Split it over several cases or stages.',
      },
    )
  let parsed: {
    (context: Map<string, unknown>): unknown
    ast: unknown
    check(): { valid: boolean; type?: string; error?: unknown }
  }
  try {
    parsed = environment.parse(text) as unknown as typeof parsed
  } catch (error) {
    const failure = syntaxFailure(text, errorStart(error), friendly(error, text))
    return (error as { code?: string }).code === 'reserved_identifier' && !failure.ok
      ? { ok: false, failure: { ...failure.failure, remedy: 'Call the stage or the field something else.' } }
      : failure
  }
  const root = parsed.ast as Node
  const paths: Path[] = []
  const refused = collect(root, new Set(), { paths, rename, typed })
  if (refused) return syntaxFailure(text, refused.start, refused.message)
  const whole = paths.length === 1 && paths[0]?.start === root.start && paths[0]?.end === root.end ? paths[0] : null
  return ok({
    text,
    root,
    paths,
    roots: [...new Set(paths.map((path) => path.root))],
    plain: whole && (root.op === 'id' || root.op === '.' || root.op === '[]') ? whole : null,
    run: (context) => parsed(context),
    check: () => parsed.check(),
  })
}

/** A cache that forgets its oldest half rather than grow. */
export function remember<T>(cache: Map<string, T>, key: string, value: T): void {
  if (cache.size >= expressionLimits.cached)
    for (const old of [...cache.keys()].slice(0, expressionLimits.cached / 2)) cache.delete(old)
  cache.set(key, value)
}

/** Where in its text the library says that an error is, 0-based. */
export function errorStart(error: unknown): number {
  const range = (error as { range?: { start: number } }).range
  return range?.start ?? 0
}

const typeWords: { [type: string]: string } = {
  double: 'a number',
  int: 'a number',
  uint: 'a number',
  string: 'a text',
  bool: 'true or false',
  null: 'null',
  map: 'an object',
  list: 'a list',
}
const typeWord = (type: string): string => {
  const plain = type.replace(/^dyn<(.*)>$/, '$1')
  return typeWords[plain] ?? typeWords[plain.replace(/<.*$/, '')] ?? (plain === 'dyn' ? 'a value' : plain)
}

/** The library's message in plain words. */
export function friendly(error: unknown, text: string): string {
  const { code, summary, message } = error as { code?: string; summary?: string; message?: string }
  const said = (summary ?? message ?? String(error)).split('\n', 1)[0] ?? ''
  const overload = /^no such overload: (\S+(?:<.*?>)?(?:, \S+)?) (==|!=|<=|>=|<|>|\+|-|\*|\/|%|in) (.+)$/.exec(said)
  if (overload)
    return `${overload[2]} cannot be applied to ${typeWord(overload[1] ?? '')} and ${typeWord(overload[3] ?? '')}`
  const unary = /^no such overload: ([!-])(.+)$/.exec(said)
  if (unary) return `${unary[1]} cannot be applied to ${typeWord(unary[2] ?? '')}`
  const operand = /^Logical operator requires bool operands, got '(.+)'$/.exec(said)
  if (operand) return `&& and || need true or false on both sides, got ${typeWord(operand[1] ?? '')}`
  if (code === 'reserved_identifier')
    return `${said.replace('Reserved identifier: ', '"')}" is a word that CEL keeps for itself`
  if (code === 'unexpected_character' && /[^=!<>]=[^=]/.test(text)) return `${lower(said)}; equality is written ==`
  if (code === 'unexpected_token' || code === 'expected_token')
    return lower(said).replace(/\b[A-Z]{3,}\b/g, (token) => tokens[token] ?? token.toLowerCase())
  return lower(said)
}

const tokens: { [token: string]: string } = {
  EOF: 'the end',
  RPAREN: ')',
  LPAREN: '(',
  RBRACKET: ']',
  LBRACKET: '[',
  RBRACE: '}',
  LBRACE: '{',
  COLON: ':',
  COMMA: ',',
}
const lower = (text: string): string => text.charAt(0).toLowerCase() + text.slice(1)

const syntaxFailure = (text: string, start: number, message: string): Result<never> =>
  fail('invalid_input', message, {
    value: excerpt(text),
    column: start + 1,
    remedy: 'Write a CEL expression, such as review.failed > 2 && coherence < 0.7.',
  })

const isNode = (value: unknown): value is Node =>
  typeof value === 'object' && value !== null && 'op' in value && 'meta' in value

type Into = {
  paths: Path[]
  rename: (name: string) => string
  typed: ((path: Path) => string | null) | undefined
}
type Refused = { start: number; message: string }

/** Collects the paths of free names, renames those names, and says what is not allowed. */
function collect(node: Node, bound: ReadonlySet<string>, into: Into): Refused | null {
  const path = pathOf(node, bound)
  if (path) {
    into.paths.push(path.path)
    path.id.args = into.rename(path.path.root)
    const whole = into.typed?.(path.path) ?? null
    if (whole !== null) standFor(node, path.id, whole)
    return null
  }
  if (node.op === 'value')
    return node.args instanceof Uint8Array
      ? { start: node.start, message: 'bytes are not used here; write a text' }
      : null
  if (node.op === 'call' || node.op === 'rcall') return collectCall(node, bound, into)
  return collectAll(childrenOf(node.args), bound, into)
}

/** Makes a node that reads a path one that reads a single name. */
function standFor(node: Node, id: Node, name: string): void {
  const { check, evaluate } = id.meta
  node.setMeta('check', check).setMeta('evaluate', evaluate)
  node.op = 'id'
  node.args = name
}

function collectAll(nodes: Node[], bound: ReadonlySet<string>, into: Into): Refused | null {
  for (const node of nodes) {
    const refused = collect(node, bound, into)
    if (refused) return refused
  }
  return null
}

function collectCall(node: Node, bound: ReadonlySet<string>, into: Into): Refused | null {
  const [name, ...rest] = node.args as [string, ...unknown[]]
  if (!functions.has(name))
    return { start: node.start, message: `there is no function ${name}; there are ${[...functions].sort().join(', ')}` }
  // has() asks for a field, and takes no other name for it.
  if (name === 'has') return collectAll(childrenOf(rest), bound, { ...into, typed: undefined })
  if (node.op === 'call') return collectAll(childrenOf(rest), bound, into)
  const [receiver, list] = rest as [Node, Node[]]
  const refused = collect(receiver, bound, into)
  if (refused) return refused
  const first = list[0]
  if (!macrosWithVariable.has(name) || node.meta.alternate === undefined || first === undefined)
    return collectAll(list, bound, into)
  return collectAll(list.slice(1), new Set([...bound, first.args as string]), into)
}

const childrenOf = (args: unknown): Node[] =>
  Array.isArray(args) ? args.flatMap(childrenOf) : isNode(args) ? [args] : []

function pathOf(node: Node, bound: ReadonlySet<string>): { path: Path; id: Node } | null {
  const members: (string | number)[] = []
  let at = node
  while (at.op === '.' || at.op === '[]') {
    const [left, right] = at.args as [Node, string | Node]
    if (typeof right === 'string') members.unshift(right)
    else if (right.op === 'value' && typeof right.args === 'string') members.unshift(right.args)
    else if (right.op === 'value' && typeof right.args === 'bigint') members.unshift(Number(right.args))
    else return null
    at = left
  }
  if (at.op !== 'id' || bound.has(at.args as string)) return null
  const root = at.args as string
  return { path: { text: pathText(root, members), root, members, start: at.start, end: node.end }, id: at }
}

/** `review.outputs["a b"][0]` */
export const pathText = (root: string, members: (string | number)[]): string =>
  root +
  members
    .map((member) =>
      typeof member === 'number'
        ? `[${member}]`
        : /^[A-Za-z_]\w*$/.test(member)
          ? `.${member}`
          : `[${JSON.stringify(member)}]`,
    )
    .join('')
