/** Long runs with nothing wrong, in the ways in which work looks like a loop or a stall and is none. */
import { type Dice, diceOf } from '../simulation/dice.ts'
import { secretOf } from './minds.ts'

export const ways = {
  poll: 'polls a job whose answer changes',
  test: 'changes a file and runs the same tests, in turn, until they pass',
  read: 'reads many long pages, each with something new',
  slow: 'streams slowly',
  large: 'gives a large answer',
  retry: 'asks the same twice in vain, then gets it',
  words: 'is a model that answers now briefly, now at length, now at another pace',
  again: 'its program fails once, its second attempt does it',
} as const
export type Way = keyof typeof ways

export type HealthyRun = {
  way: Way
  key: string
  expected: number
  /** Failures that belong to it. */
  own_failures: number
  definition: object
  inputs: object
}

/** Who is slow is always so: where it were not usual, it would be right to say it. */
const agents: { [W in Way]?: string } = { retry: 'w1', words: 'w3', slow: 'w4' }

const answerSchema = { type: 'object', properties: { value: { type: 'integer' } }, required: ['value'] }

/** What is large is held by reference, and nothing is calculated with it: somebody has to read it. */
const reading = {
  id: 'read',
  kind: 'tasks',
  tasks: [
    {
      id: 't',
      agent: 'w2',
      instructions: 'Give the value.',
      input: { whole: '=work.output' },
      output_schema: answerSchema,
    },
  ],
  on_failure: 'fail',
}

export function definitionFor(
  name: string,
  key: string,
  task: { agent: string; fallback?: string[]; input?: { way: Way; n: number }; timeout: string },
): object {
  const { input, ...rest } = task
  const large = input?.way === 'large'
  return {
    apiVersion: 'quorate/v1',
    name,
    inputs: { key: { type: 'text', required: true } },
    stages: [
      {
        id: 'work',
        kind: 'tasks',
        tasks: [
          {
            id: 't',
            instructions: 'Find the value that belongs to the key.',
            input: { key: '=inputs.key', ...input },
            output_schema: answerSchema,
            ...rest,
          },
        ],
        on_failure: 'fail',
      },
      ...(large ? [reading] : []),
    ],
    // The agents do not see it: what they are given are instructions and input.
    success: [{ id: 'found', when: `${large ? 'read' : 'work'}.output.value == ${secretOf(key)}` }],
  }
}

export const keyFrom = (dice: Dice): string =>
  `key-${dice
    .between(0, 2 ** 32 - 1)
    .toString(16)
    .padStart(8, '0')}`

/** The same seed, the same runs. Every way comes up. */
export function healthyRuns(seed: number, count: number, timeout: string): HealthyRun[] {
  const dice = diceOf(seed)
  const names = Object.keys(ways) as Way[]
  return Array.from({ length: count }, (_, i) => {
    const way = names[i % names.length] as Way
    const key = keyFrom(dice)
    const n = way === 'read' ? dice.between(10, 40) : dice.between(1, 10)
    return {
      way,
      key,
      expected: secretOf(key),
      own_failures: way === 'again' ? 1 : 0,
      definition: definitionFor(`long_${way}_${i}`, key, { agent: agents[way] ?? 'w0', input: { way, n }, timeout }),
      inputs: { key },
    }
  })
}
