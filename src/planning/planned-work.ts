/** Tasks and votes of a plan on their way into a definition, and what is known while it is put together. Pure. */
import type { Stage, Task } from '../workflow/definition.ts'
import type { Json } from '../workflow/value.ts'
import type { PlanTask } from './plan-schema.ts'
import { clean, hasWord, sentence } from './plan-text.ts'

export type PlanContext = { goal: string; inputs: { name: string; type: string }[] }

export type Work = {
  context: PlanContext
  repairs: string[]
  problems: string[]
  stages: Stage[]
  /** Stages whose end the next one waits for. */
  exits: string[]
  /** Stages whose results the next one gets. */
  handed: string[]
  /** All stages so far that produce something worth handing to the end. */
  results: string[]
  /** The last stage of two or more tasks: what agreement, failed and succeeded are measured on. */
  measured: string
}

export function push(work: Work, stage: Stage): void {
  work.stages.push({ ...stage, needs: work.exits })
}

/** The next stage waits for `exits`, and gets `results` where there are any: a pause hands on what it was given. */
export function leave(work: Work, exits: string[], results: string[]): void {
  work.exits = exits
  if (results.length > 0) work.handed = results
  work.results.push(...results)
}

export function voteOf(
  work: Work,
  planned: { question: string; options: string[]; capability: string; voters: 3 | 5 },
  id: string,
): Extract<Stage, { kind: 'vote' }> {
  const question = sayOr(work, planned.question, 'Does what we have meet the goal?', `${id}.question`)
  let options = [...new Set(planned.options.map(clean).filter(hasWord))]
  if (options.length < 2) options = ['yes', 'no']
  if (
    options.length < planned.options.length ||
    !options.every((option) => planned.options.map(clean).includes(option))
  )
    work.repairs.push(`${id}: options without a word or said twice; they became: ${options.join(', ')}`)
  const { capability, voters } = planned
  return {
    id,
    kind: 'vote',
    question,
    options,
    voters,
    capability,
    input: resultsOf(work.handed),
    quorum: 0.5,
    on_failure: 'continue',
  }
}

export function tasksOf(work: Work, planned: PlanTask[], where: string): Task[] {
  const said = new Set<string>()
  const tasks: Task[] = []
  planned.forEach((plannedTask, i) => {
    const task = taskOf(work, plannedTask, `${plannedTask.capability.slice(0, 60)}_${i + 1}`, `${where}[${i}]`)
    const key = wordsOf(plannedTask)
    if (said.has(key)) work.repairs.push(`${where}[${i}] says the same as a task before it and was dropped`)
    else tasks.push(task)
    said.add(key)
  })
  return tasks
}

export function taskOf(
  work: Work,
  planned: { capability: string; does: string; reads?: string },
  id: string,
  where: string,
): Task {
  const { capability } = planned
  const instructions = sentence(
    sayOr(work, planned.does, `Do the ${capability.replaceAll('_', ' ')} that the goal needs`, where),
  )
  const read = work.context.inputs.filter(({ name }) => planned.reads === 'all' || planned.reads === name)
  const task: Task = { id, capability, instructions }
  return read.length === 0
    ? task
    : { ...task, input: Object.fromEntries(read.map(({ name }) => [name, `=inputs.${name}`])) }
}

export const scoring = (task: Task, input: { [name: string]: Json }): Task => ({
  ...task,
  instructions: `${task.instructions} Give a score from 1 (useless) to 10 (nothing to add) and one remark that says why.`,
  input,
  output_schema: {
    type: 'object',
    properties: {
      score: { type: 'integer', enum: [1, 2, 3, 4, 5, 6, 7, 8, 9, 10] },
      remark: { type: 'string', maxLength: 300 },
    },
    required: ['score', 'remark'],
    additionalProperties: false,
  },
})

export const listSchema = (max: number): { [key: string]: Json } => ({
  type: 'object',
  properties: { items: { type: 'array', items: { type: 'string', maxLength: 200 }, minItems: 1, maxItems: max } },
  required: ['items'],
  additionalProperties: false,
})

export const resultsOf = (stages: string[]): { [name: string]: Json } =>
  Object.fromEntries([...new Set(stages)].map((id) => [id, `=${id}.output`]))

export const titleOf = (tasks: Task[]): string =>
  [...new Set(tasks.map((task) => (task.capability ?? '').replaceAll('_', ' ')))].join(' + ').slice(0, 200)

export function sayOr(work: Work, text: string, instead: string, where: string): string {
  const said = clean(text)
  if (hasWord(said)) return said
  work.repairs.push(`${where} said nothing and became: ${instead}`)
  return instead
}

/** What makes a task the same as another. */
export const wordsOf = ({ capability, does }: PlanTask): string =>
  `${capability}: ${hasWord(clean(does)) ? sentence(clean(does)).toLowerCase() : ''}`
