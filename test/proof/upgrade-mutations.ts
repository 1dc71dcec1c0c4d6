/**
 * Twenty changes under runs in flight, one for each definition of its own: what is changed, and what has to become of a
 * run that is parked at its approval and of one whose task `hold` is under way.
 */
import type { Definition, Stage, Task } from '../../src/workflow/definition.ts'

export type Verdict = 'continues' | 'migrated' | 'pinned'

export type Mutation = {
  name: string
  /** What the machine is asked for besides a newer definition. `agent` is the one that the runs of this change name. */
  act?: 'agent_instructions' | 'agent_model' | 'model_digest' | 'agent_removed' | 'child_definition'
  change?: (definition: Definition) => void
  parked: Verdict
  running: Verdict
  /** How its runs end. */
  ends?: 'completed' | 'failed'
}

export const agentOf = (name: string): string => `worker_${name}`
const childOf = (name: string): string => `child_of_${name}`

const task = (name: string, id: string, more: Partial<Task> = {}): Task => ({
  id,
  agent: agentOf(name),
  instructions: `Do ${id}.`,
  ...more,
})

/** write, hold, gate (an approval), and what comes after: a loop, a decision, two tasks side by side, another run. */
export function baseDefinition(name: string): Definition {
  const one = (id: string): Stage => ({ id, kind: 'tasks', tasks: [task(name, id)] })
  return {
    apiVersion: 'quorate/v1',
    name,
    inputs: { hold: { type: 'boolean', default: false } },
    stages: [
      { id: 'write', kind: 'tasks', tasks: [task(name, 'draft'), task(name, 'check')] },
      {
        id: 'hold',
        kind: 'tasks',
        tasks: [{ id: 'hold', agent: 'holder', instructions: 'Hold.', input: { hold: '=inputs.hold' } }],
      },
      { id: 'gate', kind: 'approval', question: 'Go on?', timeout: '10h', default: 'refuse' },
      { id: 'finish', kind: 'loop', max: 2, until: 'false', stages: [one('polish')] },
      { id: 'choose', kind: 'decide', cases: [{ when: 'finish.iteration >= 9', then: 'extra' }], otherwise: 'last' },
      one('extra'),
      { id: 'last', kind: 'tasks', tasks: [task(name, 'one'), task(name, 'two')] },
      { id: 'sub', kind: 'run', definition: childOf(name) },
    ],
  }
}

export const childDefinition = (name: string, instructions = 'Do it for the other.'): Definition => ({
  apiVersion: 'quorate/v1',
  name: childOf(name),
  stages: [{ id: 'inner', kind: 'tasks', tasks: [task(name, 'inner', { instructions })] }],
})

const stage = <K extends Stage['kind']>({ stages }: Definition, id: string, _kind: K): Extract<Stage, { kind: K }> =>
  stages.find((each) => each.id === id) as Extract<Stage, { kind: K }>
const at = ({ stages }: Definition, id: string): number => stages.findIndex((each) => each.id === id)
const more = (name: string, id: string): Stage => ({ id, kind: 'tasks', tasks: [task(name, id)] })
const migrated = { parked: 'migrated', running: 'migrated' } as const
const pinned = { parked: 'pinned', running: 'pinned' } as const
const continues = { parked: 'continues', running: 'continues' } as const

export const mutations: Mutation[] = [
  { name: 'stage_added_at_end', change: (d) => d.stages.push(more(d.name, 'tell')), ...migrated },
  {
    name: 'stage_before_parked',
    change: (d) => d.stages.splice(at(d, 'gate'), 0, more(d.name, 'again')),
    parked: 'pinned',
    running: 'migrated',
  },
  { name: 'finished_stage_removed', change: (d) => d.stages.splice(at(d, 'write'), 1), ...pinned },
  {
    name: 'finished_stage_renamed',
    change: (d) => {
      stage(d, 'write', 'tasks').id = 'compose'
    },
    ...pinned,
  },
  { name: 'later_stage_removed', change: (d) => d.stages.splice(at(d, 'sub'), 1), ...migrated },
  {
    name: 'instructions_of_done_task',
    change: (d) => {
      ;(stage(d, 'write', 'tasks').tasks[0] as Task).instructions = 'Do it otherwise.'
    },
    ...pinned,
  },
  {
    name: 'instructions_of_later_task',
    change: (d) => {
      ;(stage(d, 'last', 'tasks').tasks[0] as Task).instructions = 'Do it otherwise.'
    },
    ...migrated,
  },
  {
    name: 'question_changed',
    change: (d) => {
      stage(d, 'gate', 'approval').question = 'Really?'
    },
    parked: 'pinned',
    running: 'migrated',
  },
  {
    name: 'timeout_changed',
    change: (d) => {
      stage(d, 'gate', 'approval').timeout = '20h'
    },
    parked: 'pinned',
    running: 'migrated',
  },
  {
    name: 'loop_bound_changed',
    change: (d) => {
      stage(d, 'finish', 'loop').max = 3
    },
    ...migrated,
  },
  {
    name: 'condition_changed',
    change: (d) => {
      ;(stage(d, 'choose', 'decide').cases[0] as { when: string }).when = 'finish.iteration >= 2'
    },
    ...migrated,
  },
  {
    name: 'schema_of_later_task',
    change: (d) => {
      ;(stage(d, 'last', 'tasks').tasks[1] as Task).output_schema = { type: 'string' }
    },
    ...migrated,
  },
  { name: 'done_tasks_reordered', change: (d) => void stage(d, 'write', 'tasks').tasks.reverse(), ...pinned },
  { name: 'later_tasks_reordered', change: (d) => void stage(d, 'last', 'tasks').tasks.reverse(), ...migrated },
  {
    name: 'input_added',
    change: (d) => {
      d.inputs = { ...d.inputs, tone: { type: 'text', default: 'formal' } }
      ;(stage(d, 'last', 'tasks').tasks[0] as Task).input = { tone: '=inputs.tone' }
    },
    ...migrated,
  },
  { name: 'agent_instructions', act: 'agent_instructions', ...continues },
  { name: 'agent_model', act: 'agent_model', ...continues },
  { name: 'model_digest', act: 'model_digest', ...continues },
  { name: 'agent_removed', act: 'agent_removed', ends: 'failed', ...continues },
  { name: 'child_definition', act: 'child_definition', ...continues },
]
