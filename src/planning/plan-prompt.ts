/** What the model is told when it plans. Pure; kept short, because the smallest model reads it too. */
import { describeCapability } from '../agents/capability.ts'
import type { Message, ModelInfo } from '../models/model-gateway.ts'
import type { StageKind } from '../workflow/definition.ts'
import { exampleIn, planExample } from './plan-example.ts'
import type { PlanVocabulary } from './plan-schema.ts'
import { planLimits } from './plan-schema.ts'
import type { PlanRequest } from './planner.ts'

/** One line for each kind of stage. Total: a new kind does not compile until the model is told of it. */
const kindLines: { [K in StageKind]: string } = {
  tasks: 'agents work side by side on different tasks',
  vote: 'several agents choose one of the options',
  decide: 'goes on one way or another, by agreement, failures, a vote or a score',
  loop: 'makes something, reviews it and revises it until the score is good enough',
  for_each: 'does the same task for each item of a list',
  timer: 'waits for a time; only when the goal asks for waiting',
  wait: 'waits for a signal from outside; only when the goal asks for one',
  approval: 'a person must say yes; only before something that cannot be undone',
  run: 'starts another stored definition for the goal',
}

const capabilityLine = (id: string): string => `- ${id}: ${describeCapability(id) ?? id.replaceAll('_', ' ')}`

/** More capabilities than this are named without a sentence each, so that the prompt stays short. */
const DESCRIBED = 40

/** Not a kind of stage: a stage of one task that is divided before it is tried. */
const divideLine =
  '- divide: one task that is too large for one agent; it is planned again on its own, in smaller parts'

/** Capabilities with a sentence each, or where they are many or the model is small, by name only. */
export const capabilityLines = (capabilities: string[], small: boolean): string[] =>
  capabilities.length > DESCRIBED || small ? [capabilities.join(', ')] : capabilities.map(capabilityLine)

/** Weights below this make a small model: it reads slowly, does not heed sentences, and repeats itself when cool. */
const SMALL_MODEL_BYTES = 600_000_000

export type KnownModel = Pick<ModelInfo, 'context_length' | 'size_bytes'> | null

export const isSmall = (model: KnownModel): boolean =>
  (model?.size_bytes ?? Number.POSITIVE_INFINITY) < SMALL_MODEL_BYTES

/** Characters of the goal that are shown to a model whose context is not known. */
const GOAL_SHOWN = 3_000
/** Tokens to keep free for these words and for the plan. */
const RESERVED_TOKENS = 2_000

/** @param model what is known of the model: a long goal is cut in its middle to fit its context */
export function planMessages(request: PlanRequest, vocabulary: PlanVocabulary, model: KnownModel): Message[] {
  const context = model?.context_length ?? null
  const kinds = Object.entries(kindLines).filter(([kind]) => kind !== 'run' || vocabulary.definitions.length > 0)
  const system = [
    'You plan how a team of agents reaches a goal. Answer with one JSON object:',
    '- analysis: what the goal needs, in one or two sentences',
    `- start: 2 to ${planLimits.parallel} tasks that are done side by side; each does something different`,
    `- stages: 0 to ${planLimits.stages} more stages, each of one kind`,
    '- decide: what to look at, what to do then, and what otherwise',
    '- feedback: what to do when results agree too little, or nothing',
    '- finish: the task that gives the final result',
    'A task has a capability and says in "does" what to do for this goal, in one sentence.',
    'Kinds of stages:',
    ...kinds.map(([kind, line]) => `- ${kind}: ${line}`),
    ...(vocabulary.divides === true ? [divideLine] : []),
    'Capabilities:',
    ...capabilityLines(vocabulary.capabilities, isSmall(model)),
  ]
  const user = [
    `Goal: ${shown(request.goal, context === null ? GOAL_SHOWN : Math.max(400, (context - RESERVED_TOKENS) * 3))}`,
  ]
  if (request.inputs.length > 0)
    user.push(
      `Inputs: ${request.inputs.map(({ name, type, bytes }) => `${name} (${type}, ${bytes} bytes)`).join(', ')}`,
    )
  if (request.problems.length > 0)
    user.push(
      'Your last plan was wrong. Put this right:',
      ...request.problems.slice(0, 5).map((problem) => `- ${problem.slice(0, 200)}`),
    )
  user.push('Plan for this goal.')
  return [
    { role: 'system', content: system.join('\n') },
    { role: 'user', content: `Goal: ${planExample.goal}\nPlan for this goal.` },
    { role: 'assistant', content: JSON.stringify(exampleIn(vocabulary)) },
    { role: 'user', content: user.join('\n') },
  ]
}

/** A text cut in its middle to `limit` characters. */
export function shown(goal: string, limit: number): string {
  const characters = [...goal]
  if (characters.length <= limit) return goal
  const half = Math.floor(limit / 2)
  return `${characters.slice(0, half).join('')} […] ${characters.slice(-half).join('')}`
}
