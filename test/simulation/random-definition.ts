/** Definitions by chance, valid by construction: every kind of stage, branches, nesting, answers to failure. */
import type { Decompose } from '../../src/workflow/decomposition/schema.ts'
import { type Definition, feedbackActions, type Stage } from '../../src/workflow/definition.ts'
import type { Dice } from './dice.ts'

const conditions = ['failed > 0', 'tokens > 3', 'agreement >= 0.5', 'status == "completed"', 'missing_value > 1']

export function randomDefinition(dice: Dice): Definition {
  return {
    apiVersion: 'quorate/v1',
    name: 'random',
    stages: stages(dice, 0, ''),
    ...(dice.chance(0.2) ? { budget: { calls: dice.between(1, 40) } } : {}),
    ...(dice.chance(0.4)
      ? {
          feedback: feedbackActions.map((action) => ({
            id: action,
            when: dice.one(['coherence < 0.7', 'run.tasks_failed > 1', 'run.calls > 3', 'collective_sync > 0.1']),
            action,
            max: dice.between(1, 3),
          })),
        }
      : {}),
  }
}

const randomDecompose = (dice: Dice): Decompose =>
  dice.chance(0.3)
    ? dice.chance(0.8)
    : {
        ...(dice.chance(0.5) ? { depth: dice.between(2, 4) } : {}),
        ...(dice.chance(0.5) ? { breadth: dice.between(2, 5) } : {}),
        ...(dice.chance(0.5) ? { nodes: dice.between(3, 40) } : {}),
        ...(dice.chance(0.3) ? { too_large: true } : {}),
        ...(dice.chance(0.3) ? { success: dice.one(['output != "no"', 'output == "child"', 'missing > 1']) } : {}),
      }

function stages(dice: Dice, depth: number, prefix: string): Stage[] {
  const n = dice.between(1, depth === 0 ? 7 : 3)
  const ids = Array.from({ length: n }, (_, i) => `${prefix}s${i}`)
  const list: Stage[] = []
  /** Stages already chosen by a decision or as an answer to failure, so that no cycle can arise. */
  for (const [i, id] of ids.entries()) {
    const earlier = ids.slice(0, i)
    const later = ids.slice(i + 1)
    const base = {
      id,
      ...(earlier.length > 0 && dice.chance(0.4) ? { needs: dice.some(earlier) } : {}),
      ...(dice.chance(0.15) ? { join: 'all' as const } : {}),
    }
    list.push({ ...base, ...body(dice, id, earlier, later, depth) } as Stage)
  }
  return list
}

function body(dice: Dice, id: string, earlier: string[], later: string[], depth: number): Record<string, unknown> {
  const answer = dice.chance(0.3)
    ? { on_failure: later.length > 0 && dice.chance(0.5) ? { then: dice.one(later) } : 'continue' }
    : {}
  const source = earlier.length > 0 ? dice.one(earlier) : null
  const when = (): string => (source === null ? 'run.calls > 2' : `${source}.${dice.one(conditions)}`)
  const kind = dice.one([
    'tasks',
    'tasks',
    'tasks',
    'vote',
    'decide',
    'timer',
    'wait',
    'approval',
    ...(depth < 2 ? ['loop', 'for_each'] : []),
    ...(depth === 0 ? ['run'] : []),
  ])
  switch (kind) {
    case 'vote':
      return { kind, question: 'which?', options: ['a', 'b', 'c'], voters: dice.between(1, 7), ...answer }
    case 'decide': {
      const target = (): string => (later.length > 0 && dice.chance(0.9) ? dice.one(later) : 'end')
      return {
        kind,
        cases: [
          { when: when(), then: target() },
          ...(dice.chance(0.4) ? [{ when: 'run.tasks_failed > 1', then: target() }] : []),
        ],
        otherwise: target(),
      }
    }
    case 'timer':
      return { kind, for: `${dice.between(1, 500)}s` }
    case 'wait':
      return {
        kind,
        signal: dice.one(['go', 'data']),
        timeout: '1h',
        ...(dice.chance(0.5) ? { default: 'nothing' } : {}),
        ...answer,
      }
    case 'approval':
      return { kind, question: 'may it?', timeout: '2h', default: dice.one(['approve', 'refuse']), ...answer }
    case 'loop':
      return {
        kind,
        max: dice.between(1, 4),
        until: `iteration >= ${dice.between(1, 5)}`,
        stages: stages(dice, depth + 1, `${id}_`),
        ...answer,
      }
    case 'for_each':
      return {
        kind,
        items: dice.one(['=[1, 2, 3]', '=[]', '=inputs.list', '=inputs.large', '=[10, 20, 30, 40, 50, 60, 70]']),
        max: 20,
        parallel: dice.between(1, 3),
        stages: stages(dice, depth + 1, `${id}_`),
        ...answer,
      }
    case 'run':
      return { kind, definition: 'other', ...answer }
    default:
      return {
        kind: 'tasks',
        tasks: Array.from({ length: dice.between(1, 5) }, (_, i) => ({
          id: `t${i}`,
          capability: 'any',
          instructions: 'do it',
          attempts: dice.between(1, 3),
          ...(dice.chance(0.15) ? { required: true } : {}),
          ...(dice.chance(0.15) ? { decompose: randomDecompose(dice) } : {}),
          ...(dice.chance(0.2)
            ? { compensate: { capability: 'undo', instructions: 'undo it', input: { what: `=${id}.output` } } }
            : {}),
          ...(source !== null && dice.chance(0.4) ? { input: { before: `=${source}.output` } } : {}),
        })),
        ...(dice.chance(0.3) ? { min_success: dice.between(0, 3) } : {}),
        ...answer,
      }
  }
}
