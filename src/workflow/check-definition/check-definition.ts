/**
 * Everything that can be found wrong with a definition before it runs.
 *
 * Problems forbid a run, warnings do not. Each names the field, the value and what to do; those of a text also line and
 * column. Later checks rest on earlier ones: shape, then names, then order, then what can run and what expressions read.
 * The time grows in proportion to the definition.
 */
import type { Failure, Result } from '../../failure.ts'
import type { Definition } from '../definition.ts'
import { checkDecompose } from './check-decompose.ts'
import { checkExpressions } from './check-expressions.ts'
import { checkCycles, checkNames, checkReach } from './check-graph.ts'
import { checkRuns, type FindDefinition } from './check-runs.ts'
import { checkShape } from './check-shape.ts'
import { checkWork } from './check-work.ts'
import { type Reach, reachOf } from './guards.ts'
import { type Level, levelsOf } from './levels.ts'
import { type ParsedText, parseDefinition } from './parse-definition.ts'
import { Findings, type Found } from './problems.ts'

/** What a definition is checked against. What is absent is not checked. */
export type CheckContext = {
  /** Names of the agents there are. */
  agents?: readonly string[] | undefined
  /** Capabilities that some agent has. */
  capabilities?: readonly string[] | undefined
  definitions?: FindDefinition | undefined
}

export type Checked =
  | { ok: true; definition: Definition; warnings: Failure[] }
  | { ok: false; problems: Failure[]; warnings: Failure[] }

/** Checks a definition given as a plain value, such as a model's answer or the body of a request. */
export function checkDefinition(definition: unknown, context: CheckContext = {}): Checked {
  return outcome(examine(definition, context), ({ failure }) => failure)
}

/** Reads and checks a definition's text; every problem and warning has its line and column. */
export function checkDefinitionText(
  text: string,
  context: CheckContext = {},
  format: 'yaml' | 'json' | 'auto' = 'auto',
): Checked {
  const parsed: Result<ParsedText> = parseDefinition(text, format)
  if (!parsed.ok) return { ok: false, problems: parsed.failure.problems ?? [parsed.failure], warnings: [] }
  const { value, positionOf } = parsed.value
  return outcome(examine(value, context), ({ path, at, offset, failure }) => ({
    ...failure,
    ...positionOf(path, at, offset),
  }))
}

type Examined = { definition: Definition | null; findings: Findings }

function examine(value: unknown, context: CheckContext): Examined {
  const findings = new Findings()
  const definition = checkShape(value, findings)
  if (definition) checkMeaning(definition, context, findings)
  findings.close()
  return { definition, findings }
}

function checkMeaning(definition: Definition, context: CheckContext, findings: Findings): void {
  const levels = levelsOf(definition)
  const reaches = new Map<Level, Reach>()
  for (const level of levels) {
    if (!checkNames(level, findings) || !checkCycles(level, findings)) continue
    const reach = reachOf(level)
    reaches.set(level, reach)
    checkReach(level, reach, findings)
  }
  checkWork(definition, levels, context, findings)
  checkDecompose(definition, levels, findings)
  // Without a sound order, nothing can be said about what is settled when.
  if (reaches.size === levels.length) checkExpressions(definition, levels, reaches, findings)
  if (context.definitions) checkRuns(definition, levels, context.definitions, findings)
}

function outcome({ definition, findings }: Examined, told: (found: Found) => Failure): Checked {
  const warnings = findings.warnings.map(told)
  if (definition && findings.problems.length === 0) return { ok: true, definition, warnings }
  return { ok: false, problems: findings.problems.map(told), warnings }
}
