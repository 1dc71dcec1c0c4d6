/** Stages that start other definitions: those exist, get the inputs they need, and never lead back to this one. */
import type { Definition } from '../definition.ts'
import type { Level } from './levels.ts'
import { levelsOf } from './levels.ts'
import type { Findings, Path } from './problems.ts'

/** Finds a stored definition by `name`, `name@version` or hash. */
export type FindDefinition = (reference: string) => Definition | undefined

/** Definitions that one check follows. */
const MOST = 1_000

export function checkRuns(definition: Definition, levels: Level[], find: FindDefinition, findings: Findings): void {
  const clean = new Set<string>()
  for (const level of levels)
    for (const [i, stage] of level.stages.entries()) {
      if (stage.kind !== 'run') continue
      const path = [...level.path, i]
      const started = stage.definition === definition.name ? definition : find(stage.definition)
      if (!started) {
        findings.problem([...path, 'definition'], `unknown definition "${stage.definition}"`, {
          remedy: 'Store it first, or correct the name.',
          value: stage.definition,
          kind: 'not_found',
        })
        continue
      }
      const trail = leadsBack(definition, started, find, clean)
      if (trail)
        findings.problem(
          [...path, 'definition'],
          `the definition starts itself: ${[definition.name, ...trail].join(' -> ')}`,
          {
            remedy: 'Break the circle; repetition is a stage of kind loop.',
            value: stage.definition,
          },
        )
      else checkInputs(started, stage.input ?? {}, path, findings)
    }
}

function checkInputs(started: Definition, given: { [name: string]: unknown }, path: Path, findings: Findings): void {
  const declared = started.inputs ?? {}
  for (const name of Object.keys(given))
    if (declared[name] === undefined && name !== 'goal')
      findings.problem([...path, 'input', name], `"${started.name}" has no input "${name}"`, {
        remedy: `It has: ${Object.keys(declared).join(', ') || 'none'}.`,
        at: 'key',
      })
  for (const [name, input] of Object.entries(declared))
    if (input.required && input.default === undefined && given[name] === undefined)
      findings.problem(path, `"${started.name}" needs the input "${name}"`, { remedy: `Add it under input.` })
}

/** The names on the way from a started definition back to the one that is checked, or null. */
function leadsBack(root: Definition, started: Definition, find: FindDefinition, clean: Set<string>): string[] | null {
  const open: { definition: Definition; trail: string[] }[] = [{ definition: started, trail: [started.name] }]
  for (let next = open.pop(); next; next = open.pop()) {
    if (next.definition.name === root.name) return next.trail
    if (clean.has(next.definition.name) || clean.size > MOST) continue
    clean.add(next.definition.name)
    for (const { stages } of levelsOf(next.definition))
      for (const stage of stages) {
        if (stage.kind !== 'run') continue
        const inner = stage.definition === root.name ? root : find(stage.definition)
        if (inner) open.push({ definition: inner, trail: [...next.trail, inner.name] })
      }
  }
  return null
}
