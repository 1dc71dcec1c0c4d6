/**
 * From a filled plan form to a full definition. Pure: same plan, same definition.
 *
 * Everything the grammar allows becomes a definition by these rules; nothing else is put right silently:
 * 1. Text is cleaned: white space becomes one blank, control characters and half characters go.
 * 2. A task or question without a word in it says what its capability does for the goal.
 * 3. Options of a vote that are the same are one; a vote left with fewer than two is between `yes` and `no`.
 * 4. A task with the same capability and words as one before it is dropped: in its own stage, in `start` and in
 *    earlier stages of tasks. So is a stage that is left without a task or that repeats an earlier one. A start left
 *    with a single task is a problem for the model: parallel work that differs is what the plan is for.
 * 5. A start that repeats the example of the prompt is a problem for the model: it is not about this goal.
 * 6. An input that no task of the start reads is read by all of them: nothing that was handed in is left aside.
 * 7. A decision that continues does so with the stage after it, whichever case was taken.
 */
import { type Definition, END, type Stage, type Task } from '../workflow/definition.ts'
import { planExample } from './plan-example.ts'
import type { Plan, PlanDecision, PlanStage, PlanTask } from './plan-schema.ts'
import { clean, planName } from './plan-text.ts'
import {
  leave,
  listSchema,
  type PlanContext,
  push,
  resultsOf,
  sayOr,
  scoring,
  taskOf,
  tasksOf,
  titleOf,
  voteOf,
  type Work,
  wordsOf,
} from './planned-work.ts'

/** `repairs` says which rules were applied where; `problems` what only another plan can put right. */
export type Expansion = { definition: Definition; repairs: string[]; problems: string[] }

/** Calls that one task may cost at most: its attempts over all agents. */
const ATTEMPTS = 3
/** For calls that are in hand when the program ends: they are charged, and made again. */
const SPARE_CALLS = 20

/** Of a task that is divided: its parts on all levels, and the planning of them. */
const DIVIDED_CALLS = 50

const inputTypes = ['text', 'number', 'boolean', 'list', 'object', 'any'] as const
type InputType = (typeof inputTypes)[number]

export function planToDefinition(plan: Plan, context: PlanContext): Expansion {
  const work: Work = {
    context,
    repairs: [],
    problems: [],
    stages: [],
    exits: [],
    handed: [],
    results: [],
    measured: 'start',
  }

  const start = allRead(work, tasksOf(work, plan.start, 'start'))
  const copied = new Set(planExample.plan.start.map(({ does }) => does))
  if (start.some(({ instructions }) => copied.has(instructions)))
    work.problems.push('start repeats the example: write what has to be done for this goal')
  if (start.length < 2)
    work.problems.push('all tasks of start say the same: give each of the parallel tasks different work')
  work.stages.push({ id: 'start', kind: 'tasks', title: titleOf(start), tasks: start, on_failure: 'fail' })
  leave(work, ['start'], ['start'])

  const stages = withoutRepeats(work, plan)
  stages.forEach((stage, i) => {
    const next = stages[i + 1]
    const entry = next === undefined ? entryOfDecision(plan.decide, 'decision') : entryOf(next, `step_${i + 3}`)
    addStage(work, stage, `step_${i + 2}`, entry)
  })
  addDecision(work, plan.decide, 'decision', 'finish')

  const finish = taskOf(work, plan.finish, 'finish', 'finish')
  work.stages.push({
    id: 'finish',
    kind: 'tasks',
    title: titleOf([finish]),
    needs: work.exits,
    tasks: [
      { ...finish, instructions: `Give the final result. ${finish.instructions}`, input: resultsOf(work.results) },
    ],
    on_failure: 'fail',
  })

  const definition: Definition = {
    apiVersion: 'quorate/v1',
    name: planName(context.goal),
    description: clean(plan.analysis),
    goal: context.goal,
    budget: { calls: callsAtMost(work.stages) * ATTEMPTS + SPARE_CALLS },
    stages: work.stages,
  }
  if (context.inputs.length > 0) {
    definition.inputs = Object.fromEntries(
      context.inputs.map(({ name, type }) => [
        name,
        { type: inputTypes.find((known) => known === type) ?? ('any' as InputType) },
      ]),
    )
  }
  if (plan.feedback.length > 0)
    definition.feedback = plan.feedback.map(({ coherence_below, action }, i) => ({
      id: `feedback_${i + 1}`,
      when: `coherence < ${coherence_below}`,
      action,
      max: 2,
    }))
  return { definition, repairs: work.repairs, problems: work.problems }
}

function allRead(work: Work, tasks: Task[]): Task[] {
  const read = new Set(tasks.flatMap(({ input }) => Object.keys(input ?? {})))
  const left = work.context.inputs.filter(({ name }) => !read.has(name))
  if (left.length === 0) return tasks
  work.repairs.push(`nothing read ${left.map(({ name }) => name).join(', ')}: every task of start does now`)
  const more = Object.fromEntries(left.map(({ name }) => [name, `=inputs.${name}`]))
  return tasks.map((task) => ({ ...task, input: { ...task.input, ...more } }))
}

function withoutRepeats(work: Work, plan: Plan): PlanStage[] {
  const said = new Set(plan.start.map(wordsOf))
  const seen = new Set<string>()
  return plan.stages.flatMap((stage, i): PlanStage[] => {
    const fresh =
      stage.kind === 'tasks' ? { ...stage, tasks: stage.tasks.filter((task) => !said.has(wordsOf(task))) } : stage
    const repeats = fresh.kind === 'tasks' ? fresh.tasks.length === 0 : seen.has(JSON.stringify(fresh))
    if (fresh.kind === 'tasks') for (const task of fresh.tasks) said.add(wordsOf(task))
    seen.add(JSON.stringify(fresh))
    if (repeats) work.repairs.push(`stages[${i}] repeats what came before it and was dropped`)
    return repeats ? [] : [fresh]
  })
}

/** How a kind of planned stage becomes stages of a definition. Total over the kinds. */
const adders: {
  [K in PlanStage['kind']]: (work: Work, stage: Extract<PlanStage, { kind: K }>, id: string, next: string) => void
} = {
  tasks(work, stage, id) {
    const tasks = tasksOf(work, stage.tasks, id).map((task) => ({ ...task, input: resultsOf(work.handed) }))
    push(work, { id, kind: 'tasks', title: titleOf(tasks), tasks, on_failure: 'continue' })
    leave(work, [id], [id])
    if (tasks.length > 1) work.measured = id
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
    push(work, {
      id: `${id}_draft`,
      kind: 'tasks',
      title: titleOf([draft]),
      tasks: [{ ...draft, input: resultsOf(work.handed) }],
      on_failure: 'continue',
    })
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
        {
          id: 'review',
          kind: 'tasks',
          tasks: [scoring({ ...review, instructions: `${review.instructions} ${newest}` }, versions)],
          on_failure: 'fail',
        },
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
        tasks: [{ ...lister, input: resultsOf(work.handed), output_schema: listSchema(stage.max) }],
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
    push(work, {
      id,
      kind: 'wait',
      signal: stage.signal,
      timeout: stage.timeout,
      default: 'nothing came in time',
      on_failure: 'continue',
    })
    leave(work, [id], [id])
  },
  approval(work, stage, id) {
    const question = sayOr(work, stage.question, 'Shall this run go on?', `${id}.question`)
    push(work, {
      id,
      kind: 'approval',
      question,
      show: resultsOf(work.handed),
      timeout: stage.timeout,
      default: stage.default,
      on_failure: 'fail',
    })
    leave(work, [id], [])
  },
  divide(work, stage, id) {
    const task = { ...taskOf(work, stage, 'whole', id), input: resultsOf(work.handed), decompose: { too_large: true } }
    push(work, { id, kind: 'tasks', title: titleOf([task]), tasks: [task], on_failure: 'continue' })
    leave(work, [id], [id])
  },
  run(work, stage, id) {
    push(work, {
      id,
      kind: 'run',
      definition: stage.definition,
      input: { goal: '=inputs.goal' },
      on_failure: 'continue',
    })
    leave(work, [id], [id])
  },
}

function addStage<K extends PlanStage['kind']>(
  work: Work,
  stage: Extract<PlanStage, { kind: K }>,
  id: string,
  next: string,
): void {
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
  const { handed } = work
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
  work.handed = [...handed, ...branches]
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
      const tasks = [scoring(review, resultsOf(work.handed))]
      push(work, { id: `${id}_score`, kind: 'tasks', title: titleOf(tasks), tasks, on_failure: 'continue' })
      leave(work, [`${id}_score`], [`${id}_score`])
      return `${id}_score.outputs.score.score ${on.is} ${on.value}`
    }
    default:
      return `${work.measured}.${on.measure} ${on.is} ${on.value}`
  }
}

/** Calls of agents when every branch is taken and every loop runs to its bound. */
function callsAtMost(stages: readonly Stage[]): number {
  let calls = 0
  for (const stage of stages) {
    if (stage.kind === 'tasks')
      for (const { decompose } of stage.tasks) calls += decompose === undefined ? 1 : DIVIDED_CALLS
    else if (stage.kind === 'vote') calls += typeof stage.voters === 'number' ? stage.voters : stage.voters.length
    else if (stage.kind === 'loop' || stage.kind === 'for_each') calls += stage.max * callsAtMost(stage.stages)
  }
  return calls
}
