/** What the definition says of a stage or task of a run. */
import type { Definition, Stage, Task } from '../../../src/workflow/definition.ts'
import { pathOf } from './stage-graph.ts'

/** @param path Place in the definition: without iterations. */
export function writtenStage(stages: readonly Stage[], path: string): Stage | undefined {
  const [first, ...rest] = path.split('.')
  const stage = stages.find(({ id }) => id === first)
  if (rest.length === 0 || stage === undefined) return stage
  return 'stages' in stage ? writtenStage(stage.stages, rest.join('.')) : undefined
}

/** @param address Of the task in the run, `improve[2].write/draft`. */
export function writtenTask(definition: Definition, address: string): Task | undefined {
  const [path = '', id] = pathOf(address).split('/')
  const stage = writtenStage(definition.stages, path)
  return stage?.kind === 'tasks' ? stage.tasks.find((task) => task.id === id) : undefined
}
