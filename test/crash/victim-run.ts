/** The run that is disturbed: four agents in parallel, twelve rounds, a decision, results passed on as data. */
import type { Definition, Stage } from '../../src/workflow/definition.ts'

export const RUN_ID = 'run_01a00000-0000-7000-8000-000000000001'

export function victimDefinition(kind: 'plain' | 'model'): Definition {
  const round = (id: string, before: string | null): Stage => ({
    id,
    kind: 'tasks',
    tasks: ['a', 'b', 'c', 'd'].map((name) => ({
      id: name,
      ...(kind === 'model' && name === 'a'
        ? {
            agent: 'thinker',
            output_schema: {
              type: 'object',
              properties: { n: { enum: [1, 2, 3] } },
              required: ['n'],
              additionalProperties: false,
            },
          }
        : { agent: `worker_${name}` }),
      instructions: `Work of ${name}`,
      ...(before === null || (kind === 'model' && name === 'a') ? {} : { input: { before: `=${before}.output` } }),
    })),
  })
  const names = [
    'first',
    'second',
    'third',
    'fourth',
    'fifth',
    'sixth',
    'seventh',
    'eighth',
    'ninth',
    'tenth',
    'eleventh',
    'twelfth',
  ]
  const later = names.slice(3).map((name, i) => round(name, names[i + 2] ?? null))
  return {
    apiVersion: 'quorate/v1',
    name: 'victim',
    inputs: { subject: { type: 'text' } },
    stages: [
      round('first', null),
      round('second', 'first'),
      { id: 'enough', kind: 'decide', cases: [{ when: 'second.failed > 0', then: 'mend' }], otherwise: 'third' },
      round('mend', 'second'),
      round('third', 'second'),
      ...later,
    ],
    output: { second: '=second.output', last: '=twelfth.output' },
  }
}
