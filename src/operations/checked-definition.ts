import { excerpt, type Failure, fail, ok, type Result } from '../failure.ts'
import type { StoredDefinition } from '../store/store.ts'
import {
  type CheckContext,
  type Checked,
  checkDefinition,
  checkDefinitionText,
} from '../workflow/check-definition/check-definition.ts'
import { parseDefinition } from '../workflow/check-definition/parse-definition.ts'
import type { Definition } from '../workflow/definition.ts'
import type { OperationContext } from './operation.ts'

const reference = /^(sha256:[0-9a-f]{64}|[a-zA-Z0-9][a-zA-Z0-9_.:-]{0,99}(@\d{1,9})?)$/

/** A string that is a name, name@version or hash; anything else is the text of a definition. */
export const isReference = (text: string): boolean => reference.test(text)

/** A stored definition by reference. */
export async function storedDefinition(context: OperationContext, text: string): Promise<Result<StoredDefinition>> {
  const stored = isReference(text) ? await context.store.definitions.get(text) : null
  if (stored !== null) return ok(stored)
  return fail('not_found', `there is no definition ${excerpt(text)}`, {
    field: 'definition',
    value: excerpt(text),
    remedy: 'GET /definitions lists them; refer to one as name, name@version or sha256:…',
  })
}

/** Checks a definition (value, or text as YAML or JSON) against the agents and definitions that are there now. */
export async function examineDefinition(context: OperationContext, given: string | object): Promise<Checked> {
  const value = typeof given === 'string' ? readValue(given) : given
  const odd = oddPlace(value)
  if (odd !== null) return { ok: false, problems: [odd], warnings: [] }
  const known: CheckContext = { ...(await fleetOf(context)), definitions: await definitionsIn(context, value) }
  return typeof given === 'string' ? checkDefinitionText(given, known) : checkDefinition(given, known)
}

/** The definition when nothing is wrong with it; else everything that is, as a failure of the field `definition`. */
export async function checkedDefinition(
  context: OperationContext,
  given: string | object,
): Promise<Result<Definition>> {
  const checked = await examineDefinition(context, given)
  if (checked.ok) return ok(checked.definition)
  const problems = checked.problems.map(
    (problem): Failure => ({
      ...problem,
      field: problem.field === undefined ? 'definition' : `definition.${problem.field}`,
    }),
  )
  const { message = 'the definition cannot be used', kind: _, ...more } = problems[0] ?? {}
  return fail('invalid_input', message, { ...more, ...(problems.length > 1 && { problems }) })
}

async function fleetOf({ fleet }: OperationContext): Promise<CheckContext> {
  const agents = (await fleet.list()).filter((agent) => !agent.retired)
  return {
    agents: agents.map((agent) => agent.name),
    capabilities: [...new Set(agents.flatMap((agent) => agent.capabilities))],
  }
}

/** A text that cannot be read gives null here; the check itself says why. */
function readValue(text: string): unknown {
  const parsed = parseDefinition(text)
  return parsed.ok ? parsed.value.value : null
}

/** Definitions that one check may follow. */
const MOST_DEFINITIONS = 200

/** The check looks definitions up at once, so all that can be reached by stages of kind `run` are fetched before. */
async function definitionsIn(
  context: OperationContext,
  value: unknown,
): Promise<(reference: string) => Definition | undefined> {
  const found = new Map<string, Definition>()
  const open = references(value)
  for (let next = open.pop(); next !== undefined && found.size < MOST_DEFINITIONS; next = open.pop()) {
    if (found.has(next) || !isReference(next)) continue
    const stored = await context.store.definitions.get(next)
    if (stored === null) continue
    found.set(next, stored.definition)
    open.push(...references(stored.definition))
  }
  return (text) => found.get(text)
}

/** What the `run` stages of something that may be a definition refer to. Its levels are walked without recursion. */
function references(value: unknown): string[] {
  const found: string[] = []
  const open = [value]
  while (open.length > 0) {
    const { stages } = (open.pop() ?? {}) as { stages?: unknown }
    if (!Array.isArray(stages)) continue
    for (const stage of stages as ({ kind?: unknown; definition?: unknown } | null)[]) {
      if (stage?.kind === 'run' && typeof stage.definition === 'string') found.push(stage.definition)
      open.push(stage)
    }
  }
  return found
}

/** YAML can write by escape what no store keeps as it is: NUL and half surrogates. */
function oddPlace(value: unknown): Failure | null {
  const open = [value]
  while (open.length > 0) {
    const next = open.pop()
    if (typeof next === 'string' && (next.includes('\0') || !next.isWellFormed())) {
      const shown = excerpt(next.replaceAll('\0', '\\0').toWellFormed(), 60)
      return {
        kind: 'invalid_input',
        message: 'a text contains NUL or half of a surrogate pair',
        value: shown,
        remedy: 'Write well-formed Unicode without NUL.',
      }
    }
    if (typeof next === 'object' && next !== null) for (const [key, item] of Object.entries(next)) open.push(key, item)
  }
  return null
}
