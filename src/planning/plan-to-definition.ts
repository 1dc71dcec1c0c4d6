/**
 * From a filled plan form to a full definition. Pure: same plan, same definition.
 *
 * Everything the grammar allows becomes a definition by these rules; nothing else is put right silently:
 * 1. Text is cleaned: white space becomes one blank, control characters and half characters go.
 * 2. A task or question without a word in it says what its capability does for the goal.
 * 3. Options of a vote that are the same are one; a vote left with fewer than two is between `yes` and `no`.
 * 4. A task that says the same as one before it in its stage is dropped. A start left with a single task is a
 *    problem for the model: parallel work that differs is what the plan is for.
 * 5. A decision that continues does so with the stage after it, whichever case was taken.
 */
import { type Definition, END, type Stage, type Task } from '../workflow/definition.ts'
import type { Json } from '../workflow/value.ts'
import { planExample } from './plan-examples.ts'
import type { Plan, PlanDecision, PlanStage, PlanTask } from './plan-schema.ts'

export type PlanContext = { goal: string; inputs: { name: string; type: string }[] }

/** `repairs` says which rules were applied where; `problems` what only another plan can put right. */
export type Expansion = { definition: Definition; repairs: string[]; problems: string[] }

/** Calls that one task may cost at most: its attempts over all agents. */
const ATTEMPTS = 3

type Work = {
  context: PlanContext
  repairs: string[]
  problems: string[]
  stages: Stage[]
  /** Stages whose end the next one waits for, and whose results it gets. */
  exits: string[]
  /** All stages so far that produce something worth handing to the end. */
  results: string[]
  /** The last stage of tasks: what agreement, failed and succeeded are measured on. */
  measured: string
}

const inputTypes = ['text', 'number', 'boolean', 'list', 'object', 'any'] as const
type InputType = (typeof inputTypes)[number]

export function planToDefinition(plan: Plan, context: PlanContext): Expansion {
  const work: Work = { context, repairs: [], problems: [], stages: [], exits: [], results: [], measured: 'start' }

  const start = tasksOf(work, plan.start, 'start')
  const copied = new Set(planExample.plan.start.map(({ does }) => does))
  if (start.some(({ instructions }) => copied.has(instructions))) work.problems.push('start repeats the example: write what has to be done for this goal')
  if (start.length < 2) work.problems.push('all tasks of start say the same: give each of the parallel tasks different work')
  work.stages.push({ id: 'start', kind: 'tasks', title: titleOf(start), tasks: start, on_failure: 'fail' })
  leave(work, ['start'], ['start'])

  const ids = [...plan.stages.map((_, i) => `step_${i + 2}`), 'decision']
  plan.stages.forEach((stage, i) => {
    const next = plan.stages[i + 1]
    const entry = next === undefined ? entryOfDecision(plan.decide, 'decision') : entryOf(next, ids[i + 1] as string)
    addStage(work, stage, ids[i] as string, entry)
  })
  addDecision(work, plan.decide, 'decision', 'finish')

  const finish = taskOf(work, plan.finish, 'finish', 'finish')
  work.stages.push({
    id: 'finish',
    kind: 'tasks',
    title: titleOf([finish]),
    needs: work.exits,
    tasks: [{ ...finish, instructions: `Give the final result. ${finish.instructions}`, input: resultsOf(work.results) }],
    on_failure: 'fail',
  })

  const definition: Definition = {
    apiVersion: 'quorate/v1',
    name: nameOf(context.goal),
    description: clean(plan.analysis),
    goal: context.goal,
    budget: { calls: callsAtMost(work.stages) * ATTEMPTS },
    stages: work.stages,
  }
  if (context.inputs.length > 0) {
    definition.inputs = Object.fromEntries(context.inputs.map(({ name, type }) => [name, { type: inputTypes.find((known) => known === type) ?? ('any' as InputType) }]))
  }
  return { definition, repairs: work.repairs, problems: work.problems }
}

/** How a kind of planned stage becomes stages of a definition. Total over the kinds. */
const adders: { [K in PlanStage['kind']]: (work: Work, stage: Extract<PlanStage, { kind: K }>, id: string, next: string) => void } = {
  tasks(work, stage, id) {
    const tasks = tasksOf(work, stage.tasks, id).map((task) => ({ ...task, input: resultsOf(work.exits) }))
    push(work, { id, kind: 'tasks', title: titleOf(tasks), tasks, on_failure: 'continue' })
    leave(work, [id], [id])
    work.measured = id
  },
  vote(work, stage, id) {
    push(work, voteOf(work, stage, id))
    leave(work, [id], [id])
  },
  decide(work, stage, id, next) {
    addDecision(work, stage, id, next)
  },
  loop(work, stage, id) {
    const draft = taskOf(work, stage.make, 'draft', `${id}.make`)
    const review = taskOf(work, stage.review, 'review', `${id}.review`)
    push(work, { id: `${id}_draft`, kind: 'tasks', title: titleOf([draft]), tasks: [{ ...draft, input: resultsOf(work.exits) }], on_failure: 'continue' })
    leave(work, [`${id}_draft`], [])
    // An iteration hands its output to the next as `item`, so the revised work comes last in the body. Both versions
    // are plain paths, because a large value can be passed on but not be computed with.
    const versions = { first_version: `=${id}_draft.output`, revised_version: '=item' }
    const newest = 'The newest version is revised_version or, where that is null, first_version.'
    push(work, {
      id,
      kind: 'loop',
      title: titleOf([review, draft]),
      max: stage.max,
      until: `review.outputs.review.score >= ${stage.until_score}`,
      stages: [
        { id: 'review', kind: 'tasks', tasks: [scoring({ ...review, instructions: `${review.instructions} ${newest}` }, versions)], on_failure: 'fail' },
        {
          id: 'revise',
          kind: 'tasks',
          tasks: [
            {
              ...draft,
              id: 'revise',
              instructions: `${draft.instructions} ${newest} Put right in it what the review says; give it back unchanged if there is nothing.`,
              input: { ...versions, review: '=review.output' },
            },
          ],
          on_failure: 'fail',
        },
      ],
      on_failure: 'continue',
    })
    leave(work, [id], [id])
  },
  for_each(work, stage, id) {
    const each = taskOf(work, stage.each, 'each', `${id}.each`)
    let items = `=inputs.${stage.items.from === 'input' ? stage.items.input : ''}`
    if (stage.items.from === 'task') {
      const list = `${id}_items`
      const lister = taskOf(work, stage.items, 'items', `${id}.items`)
      push(work, {
        id: list,
        kind: 'tasks',
        title: titleOf([lister]),
        tasks: [{ ...lister, input: resultsOf(work.exits), output_schema: listSchema(stage.max) }],
        on_failure: 'continue',
      })
      leave(work, [list], [])
      items = `=${list}.outputs.items.items`
    }
    push(work, {
      id,
      kind: 'for_each',
      title: titleOf([each]),
      items,
      max: stage.max,
      stages: [{ id: 'each', kind: 'tasks', tasks: [{ ...each, input: { item: '=item' } }], on_failure: 'fail' }],
      on_failure: 'continue',
    })
    leave(work, [id], [id])
  },
  timer(work, stage, id) {
    push(work, { id, kind: 'timer', for: stage.for })
    leave(work, [id], [])
  },
  wait(work, stage, id) {
    push(work, { id, kind: 'wait', signal: stage.signal, timeout: stage.timeout, default: 'nothing came in time' })
    leave(work, [id], [id])
  },
  approval(work, stage, id) {
    const question = sayOr(work, stage.question, 'Shall this run go on?', `${id}.question`)
    push(work, { id, kind: 'approval', question, show: resultsOf(work.exits), timeout: stage.timeout, default: stage.default, on_failure: 'fail' })
    leave(work, [id], [])
  },
  run(work, stage, id) {
    push(work, { id, kind: 'run', definition: stage.definition, input: { goal: '=inputs.goal' }, on_failure: 'continue' })
    leave(work, [id], [id])
  },
}

function addStage<K extends PlanStage['kind']>(work: Work, stage: Extract<PlanStage, { kind: K }>, id: string, next: string): void {
  adders[stage.kind as K](work, stage, id, next)
}

/** The first stage of what a planned stage becomes: what a decision before it goes on with. */
function entryOf(stage: PlanStage, id: string): string {
  if (stage.kind === 'decide') return entryOfDecision(stage, id)
  if (stage.kind === 'loop') return `${id}_draft`
  return stage.kind === 'for_each' && stage.items.from === 'task' ? `${id}_items` : id
}

function entryOfDecision({ on }: PlanDecision, id: string): string {
  return on.measure === 'vote' ? `${id}_vote` : on.measure === 'score' ? `${id}_score` : id
}

function addDecision(work: Work, { on, then, otherwise }: PlanDecision, id: string, next: string): void {
  const handed = work.exits
  const when = conditionOf(work, on, id)
  const yes = `${id}_then`
  const no = `${id}_otherwise`
  const branch = (branchId: string, tasks: PlanTask[]): Stage => {
    const made = tasksOf(work, tasks, branchId).map((task) => ({ ...task, input: resultsOf(handed) }))
    return { id: branchId, kind: 'tasks', title: titleOf(made), needs: [id], tasks: made, on_failure: 'continue' }
  }
  const goesOn = otherwise.do === 'continue'
  push(work, {
    id,
    kind: 'decide',
    cases: [{ when, then: goesOn ? [yes, next] : yes }],
    otherwise: goesOn ? next : otherwise.do === 'end' ? END : no,
  })
  work.stages.push(branch(yes, then))
  if (otherwise.do === 'tasks') work.stages.push(branch(no, otherwise.tasks))
  const branches = otherwise.do === 'tasks' ? [yes, no] : [yes]
  leave(work, goesOn ? [id, yes] : branches, branches)
}

/** The condition in CEL; puts the stage that it looks at before the decision where it needs one of its own. */
function conditionOf(work: Work, on: PlanDecision['on'], id: string): string {
  switch (on.measure) {
    case 'vote': {
      const vote = voteOf(work, on, `${id}_vote`)
      push(work, vote)
      leave(work, [vote.id], [vote.id])
      return `${vote.id}.winner == ${JSON.stringify(vote.options[0])}`
    }
    case 'score': {
      const review = taskOf(work, { capability: on.capability, does: on.question }, 'score', `${id}.question`)
      const tasks = [scoring(review, resultsOf(work.exits))]
      push(work, { id: `${id}_score`, kind: 'tasks', title: titleOf(tasks), tasks, on_failure: 'continue' })
      leave(work, [`${id}_score`], [`${id}_score`])
      return `${id}_score.outputs.score.score ${on.is} ${on.value}`
    }
    default:
      return `${work.measured}.${on.measure} ${on.is} ${on.value}`
  }
}

function push(work: Work, stage: Stage): void {
  work.stages.push({ ...stage, needs: work.exits })
}

function leave(work: Work, exits: string[], results: string[]): void {
  work.exits = exits
  work.results.push(...results)
}

function voteOf(work: Work, planned: { question: string; options: string[]; capability: string; voters: 3 | 5 }, id: string): Extract<Stage, { kind: 'vote' }> {
  const question = sayOr(work, planned.question, 'Does what we have meet the goal?', `${id}.question`)
  let options = [...new Set(planned.options.map(clean).filter(hasWord))]
  if (options.length < 2) options = ['yes', 'no']
  if (options.length < planned.options.length) work.repairs.push(`${id}: options that say the same were made one: ${options.join(', ')}`)
  const { capability, voters } = planned
  return { id, kind: 'vote', question, options, voters, capability, input: resultsOf(work.exits), quorum: 0.5, on_failure: 'continue' }
}

function tasksOf(work: Work, planned: PlanTask[], where: string): Task[] {
  const said = new Set<string>()
  const tasks: Task[] = []
  planned.forEach((plannedTask, i) => {
    const task = taskOf(work, plannedTask, `${plannedTask.capability.slice(0, 60)}_${i + 1}`, `${where}[${i}]`)
    const key = `${task.capability} ${task.instructions.toLowerCase()}`
    if (said.has(key)) work.repairs.push(`${where}[${i}] says the same as a task before it and was dropped`)
    else tasks.push(task)
    said.add(key)
  })
  return tasks
}

function taskOf(work: Work, planned: { capability: string; does: string; reads?: string }, id: string, where: string): Task {
  const { capability } = planned
  const instructions = sayOr(work, planned.does, `Do the ${capability.replaceAll('_', ' ')} that the goal needs`, where)
  const read = work.context.inputs.filter(({ name }) => planned.reads === 'all' || planned.reads === name)
  const task: Task = { id, capability, instructions }
  return read.length === 0 ? task : { ...task, input: Object.fromEntries(read.map(({ name }) => [name, `=inputs.${name}`])) }
}

const scoring = (task: Task, input: { [name: string]: Json }): Task => ({
  ...task,
  instructions: `${task.instructions} Give a score from 1 (useless) to 10 (nothing to add) and one remark that says why.`,
  input,
  output_schema: {
    type: 'object',
    properties: { score: { type: 'integer', enum: [1, 2, 3, 4, 5, 6, 7, 8, 9, 10] }, remark: { type: 'string', maxLength: 300 } },
    required: ['score', 'remark'],
    additionalProperties: false,
  },
})

const listSchema = (max: number): { [key: string]: Json } => ({
  type: 'object',
  properties: { items: { type: 'array', items: { type: 'string', maxLength: 200 }, minItems: 1, maxItems: max } },
  required: ['items'],
  additionalProperties: false,
})

const resultsOf = (stages: string[]): { [name: string]: Json } => Object.fromEntries([...new Set(stages)].map((id) => [id, `=${id}.output`]))

const titleOf = (tasks: Task[]): string => [...new Set(tasks.map((task) => (task.capability ?? '').replaceAll('_', ' ')))].join(' + ').slice(0, 200)

function sayOr(work: Work, text: string, instead: string, where: string): string {
  const said = clean(text)
  if (hasWord(said)) return said
  work.repairs.push(`${where} said nothing and became: ${instead}`)
  return instead
}

const hasWord = (text: string): boolean => /\p{L}/u.test(text)

// biome-ignore lint/suspicious/noControlCharactersInRegex: removing them is the point
const clean = (text: string): string => text.toWellFormed().replace(/[\s\u0000-\u001f\u007f-\u009f\ufffd]+/g, ' ').trim()

/** A readable name from the goal's own letters; the definition is addressed by its hash, so names may repeat. */
function nameOf(goal: string): string {
  const slug = goal.toLowerCase().match(/[a-z0-9]+/g)?.join('_').slice(0, 48).replace(/_$/, '')
  return `plan_${slug ?? 'of_a_goal'}`
}

/** Calls of agents when every branch is taken and every loop runs to its bound. */
function callsAtMost(stages: readonly Stage[]): number {
  let calls = 0
  for (const stage of stages) {
    if (stage.kind === 'tasks') calls += stage.tasks.length
    else if (stage.kind === 'vote') calls += typeof stage.voters === 'number' ? stage.voters : stage.voters.length
    else if (stage.kind === 'loop' || stage.kind === 'for_each') calls += stage.max * callsAtMost(stage.stages)
  }
  return calls
}
