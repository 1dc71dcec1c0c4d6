/** Operations asked on the real shell, engine and store, as a door would ask them; agents and planner do what the test says. */
import assert from 'node:assert/strict'
import { openTestShell, type TestShell } from '../durable/stand-ins.ts'
import type { Failure } from '../failure.ts'
import type { Attempt } from '../fleet/fleet.ts'
import type { PlanProposal, PlanRequest } from '../planning/planner.ts'
import type { Definition, Stage } from '../workflow/definition.ts'
import type { EventData, RunEvent } from '../workflow/event.ts'
import type { Json } from '../workflow/value.ts'
import { operations } from './all.ts'
import { checkInput } from './check-input.ts'
import { type OperationContext, permissions } from './operation.ts'

type Answer = { [field: string]: unknown }

export type Desk = {
  shell: TestShell
  /** What agents answer; thrown = it failed for good. */
  work: (attempt: Attempt) => Json | Promise<Json>
  /** What the planner proposes, on top of a proposal that proposes nothing. */
  propose: (request: PlanRequest) => Partial<PlanProposal>
  ask: (
    name: string,
    input: object,
    request_key?: string,
  ) => Promise<{ ok: true; value: Answer } | { ok: false; failure: Failure }>
  /** The answer; anything else fails the test. */
  done: (name: string, input: object) => Promise<Answer>
  /** The failure; an answer fails the test. */
  refused: (name: string, input: object) => Promise<Failure>
  /** Starts a run of a definition. */
  start: (used: Definition, inputs?: object) => Promise<string>
}

export const answerAddress: Desk['work'] = ({ task }) => task

export async function openDesk(): Promise<Desk> {
  const planner = {
    propose: async (request: PlanRequest): Promise<PlanProposal> => ({
      source: request.template ? 'template' : 'model',
      definition: null,
      problems: [],
      analysis: null,
      model: 'm',
      usage: { input_tokens: 1, output_tokens: 1, calls: 1 },
      raw: null,
      duration_ms: 1,
      ...desk.propose(request),
    }),
    divide: () => Promise.reject(new Error('nothing is divided here')),
  }
  const shell = await openTestShell({ work: (attempt) => desk.work(attempt), planner })
  const desk: Desk = {
    shell,
    work: answerAddress,
    propose: () => ({}),
    async ask(name, input, request_key) {
      const operation = operations.find((each) => each.name === name)
      assert.ok(operation !== undefined, name)
      const checked = checkInput(operation, input)
      if (!checked.ok) return checked
      const context = {
        ...shell,
        planner,
        version: '0',
        started_at: 0,
        now: Date.now,
        actor: 'ann',
        granted: permissions,
        signal: new AbortController().signal,
        ...(request_key !== undefined && { request_key }),
      }
      const answer = await operation.run(context as unknown as OperationContext, checked.value)
      return answer.ok ? { ok: true, value: operation.output.parse(answer.value) as Answer } : answer
    },
    async done(name, input) {
      const answer = await desk.ask(name, input)
      assert.ok(answer.ok, `${name}: ${answer.ok ? '' : JSON.stringify(answer.failure)}`)
      return answer.value
    },
    async refused(name, input) {
      const answer = await desk.ask(name, input)
      assert.ok(!answer.ok, `${name} was not refused`)
      return answer.failure
    },
    start: async (used, inputs = {}) =>
      String((await desk.done('create_workflow', { definition: used, inputs })).run_id),
  }
  return desk
}

export const task = (id: string, more = {}) => ({ id, agent: 'quick', instructions: `Work of ${id}.`, ...more })
export const definition = (stages: Stage[], more: Partial<Definition> = {}): Definition => ({
  apiVersion: 'quorate/v1',
  name: 'controlled',
  stages,
  ...more,
})
export const tasks = (id: string, ids: string[], more = {}): Stage => ({
  id,
  kind: 'tasks',
  tasks: ids.map((each) => task(each)),
  ...more,
})

export const endOf = (events: readonly RunEvent[]): EventData['run_finished'] => {
  const last = events.at(-1)
  assert.ok(last?.type === 'run_finished')
  return last.data
}

/** Loops, parallel stages, a decision. */
export const looping = definition(
  [
    tasks('gather', ['a', 'b', 'c']),
    tasks('beside', ['x'], { needs: [] }),
    {
      id: 'improve',
      kind: 'loop',
      needs: ['gather'],
      max: 3,
      until: 'iteration >= 2',
      stages: [tasks('write', ['d', 'e']), tasks('check', ['f'])],
    },
    { id: 'enough', kind: 'decide', cases: [{ when: 'gather.failed > 0', then: 'end' }], otherwise: 'finish' },
    tasks('finish', ['g'], { needs: ['improve', 'beside'] }),
  ],
  {
    output: { improve: '=improve.output', finish: '=finish.output' },
    inputs: { subject: { type: 'text', default: 'things' } },
  },
)
