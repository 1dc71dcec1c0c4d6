/** One stage of each kind to begin with; `${…}` is what a person goes through and fills in. */
import { stringify } from 'yaml'

type Sample = { kind: string; what: string; stage: { [field: string]: unknown } }

/* biome-ignore-start lint/suspicious/noTemplateCurlyInString: places of a template that the editor fills in */
export const samples: readonly Sample[] = [
  {
    kind: 'tasks',
    what: 'gives work to agents, side by side',
    stage: {
      id: '${stage}',
      kind: 'tasks',
      tasks: [{ id: '${task}', capability: '${analysis}', instructions: '${Say what is to be done.}' }],
    },
  },
  {
    kind: 'vote',
    what: 'lets agents choose, and counts',
    stage: {
      id: '${stage}',
      kind: 'vote',
      question: '${Which of them?}',
      options: ['${one}', '${other}'],
      voters: 3,
      capability: '${decision_support}',
    },
  },
  {
    kind: 'decide',
    what: 'goes where a condition says',
    stage: {
      id: '${stage}',
      kind: 'decide',
      cases: [{ when: '${run.tasks_failed > 0}', then: '${end}' }],
      otherwise: '${end}',
    },
  },
  {
    kind: 'loop',
    what: 'repeats its stages until a condition holds',
    stage: {
      id: '${stage}',
      kind: 'loop',
      max: 3,
      until: '${iteration >= 2}',
      stages: [
        {
          id: '${step}',
          kind: 'tasks',
          tasks: [{ id: '${task}', capability: '${analysis}', instructions: '${Say what is to be done.}' }],
        },
      ],
    },
  },
  {
    kind: 'for_each',
    what: 'goes through a list',
    stage: {
      id: '${stage}',
      kind: 'for_each',
      items: '=${inputs.items}',
      max: 100,
      stages: [
        {
          id: '${step}',
          kind: 'tasks',
          tasks: [
            {
              id: '${task}',
              capability: '${analysis}',
              instructions: '${Say what is to be done with one.}',
              input: { item: '=item' },
            },
          ],
        },
      ],
    },
  },
  { kind: 'timer', what: 'waits for a time', stage: { id: '${stage}', kind: 'timer', for: '${10m}' } },
  {
    kind: 'wait',
    what: 'waits for a signal from outside',
    stage: { id: '${stage}', kind: 'wait', signal: '${ready}', timeout: '${1h}' },
  },
  {
    kind: 'approval',
    what: 'asks a person',
    stage: { id: '${stage}', kind: 'approval', question: '${Go on?}', timeout: '${24h}', default: '${refuse}' },
  },
  {
    kind: 'run',
    what: 'runs another definition',
    stage: { id: '${stage}', kind: 'run', definition: '${name@1}' },
  },
]
/* biome-ignore-end lint/suspicious/noTemplateCurlyInString: see above */

/** As YAML that is indented by tabs, which the editor makes its own; in braces, where there are brackets already; as JSON. */
export function sampleFor(stage: Sample['stage'], form: { prefix: string; deeper: number } | 'flow' | 'json'): string {
  if (form === 'json') return JSON.stringify(stage, null, '\t')
  if (form === 'flow') return JSON.stringify(stage, null, 1).replace(/\n\s*/g, ' ')
  const [first = '', ...rest] = stringify(stage, { lineWidth: 0 }).trimEnd().split('\n')
  const deep = '\t'.repeat(form.deeper)
  const tabs = (line: string) => line.replace(/^(?: {2})+/, (spaces) => '\t'.repeat(spaces.length / 2))
  return [form.prefix + first, ...rest.map((line) => deep + tabs(line))].join('\n')
}
