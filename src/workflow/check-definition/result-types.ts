/** What conditions and bindings can read, by type: the results of stages, inputs, and the figures of the run. */
import type { Environment } from '@marcbachmann/cel-js'
import type { Definition, StageKind } from '../definition.ts'
import { createEnvironment } from '../expression-syntax.ts'

type Fields = { [field: string]: 'string' | 'double' | 'bool' | 'map' | 'list' | 'dyn' }

const metrics: Fields = {
  n: 'double',
  succeeded: 'double',
  failed: 'double',
  agreement: 'double',
  agreement_reason: 'string',
  tokens: 'double',
  duration_ms: 'double',
}

/** Fields of the result of a stage, by its kind; every one may be null. */
export const resultFields: { [K in StageKind]: Fields } = {
  tasks: { status: 'string', output: 'dyn', outputs: 'dyn', ...metrics },
  vote: { status: 'string', output: 'dyn', winner: 'string', shares: 'map', ...metrics },
  decide: { status: 'string', output: 'dyn' },
  loop: { status: 'string', output: 'dyn', iteration: 'double' },
  for_each: { status: 'string', output: 'dyn', outputs: 'dyn', ...metrics },
  timer: { status: 'string' },
  wait: { status: 'string', output: 'dyn' },
  approval: { status: 'string', output: 'dyn', decision: 'string' },
  run: { status: 'string', output: 'dyn' },
}

export const runFields: Fields = {
  elapsed_ms: 'double',
  tokens: 'double',
  calls: 'double',
  tasks_done: 'double',
  tasks_failed: 'double',
  stages_failed: 'double',
  calls_left: 'double',
  tokens_left: 'double',
  money_left: 'double',
}

const inputTypes = {
  text: 'string',
  number: 'double',
  boolean: 'bool',
  list: 'list',
  object: 'map',
  any: 'dyn',
} as const

const stageType = (kind: StageKind): string => `result_of_${kind}`
/** The names under which values of these types are declared. */
export const declared = {
  stage: (kind: StageKind): string => `r_${kind}`,
  inputs: 'i_inputs',
  run: 'i_run',
  number: 'n_number',
  boolean: 'b_boolean',
  text: 's_text',
  list: 'l_list',
  map: 'm_map',
  any: 'd_any',
} as const

let base: Environment | null = null

/** Declared once: what is the same for every definition. Never used to evaluate, only to check. */
function baseEnvironment(): Environment {
  if (base) return base
  const environment = createEnvironment(false)
  for (const type of ['double', 'string', 'bool', 'int', 'list', 'map'] as const)
    environment.registerOperator(`${type} == null`, () => false)
  for (const [kind, fields] of Object.entries(resultFields) as [StageKind, Fields][]) {
    environment.registerType(stageType(kind), { fields })
    environment.registerVariable(declared.stage(kind), stageType(kind))
  }
  environment.registerType('figures_of_run', { fields: runFields })
  environment.registerVariable(declared.run, 'figures_of_run')
  environment.registerVariable(declared.number, 'double')
  environment.registerVariable(declared.boolean, 'bool')
  environment.registerVariable(declared.text, 'string')
  environment.registerVariable(declared.list, 'list')
  environment.registerVariable(declared.map, 'map')
  environment.registerVariable(declared.any, 'dyn')
  base = environment
  return environment
}

/** Names of the inputs that a definition's expressions may read. A run always has its goal. */
export const inputNames = (definition: Definition): string[] => [
  ...new Set(['goal', ...Object.keys(definition.inputs ?? {})]),
]

/** The environment in which the expressions of a definition are checked. */
export function typedEnvironment(definition: Definition): Environment {
  const environment = baseEnvironment().clone()
  const fields: Fields = { goal: 'string' }
  for (const [name, { type }] of Object.entries(definition.inputs ?? {})) fields[name] = inputTypes[type]
  environment.registerType('inputs_of_run', { fields })
  environment.registerVariable(declared.inputs, 'inputs_of_run')
  return environment
}
