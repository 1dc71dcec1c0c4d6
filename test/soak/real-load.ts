/** The program at its limits: 20 runs that execute, more in the queue, 100 calls at once, over agents of every kind. */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type MindedHost, mindedHost } from '../faults/minded-host.stand-in.ts'
import { register, secretOf, worker } from '../faults/minds.ts'
import { outsideAgent } from '../faults/planted.ts'
import { type Dice, diceOf } from '../simulation/dice.ts'

export const RUNS_AT_ONCE = 20
export const CALLS_AT_ONCE = 100
/** Kept alive by the driver: some always wait for a place. */
export const RUNS_KEPT = 26
const WIDE = 10
const STAGES = 3
const TIMEOUT = '25s'
/** A model's answer is this many pieces, so far apart: a call takes three to six seconds. */
const PIECES = 6

export const hostNames = ['s0', 's1', 's2'] as const

export async function openWorld(): Promise<MindedHost> {
  const host = await mindedHost()
  for (const name of ['main', ...hostNames]) host.weather.set(name, { kind: 'well' })
  host.minds.set('m0', worker)
  host.minds.set('k0', ({ text }) => {
    const key = /key-[0-9a-f]{8}/.exec(text)?.[0] ?? ''
    const because = Array.from({ length: PIECES }, (_, i) => `word${i}`).join(' ')
    return { text: JSON.stringify({ because, value: secretOf(key) }), pace_ms: 400 + (secretOf(key) % 450) }
  })
  host.desks.set('d0', register)
  host.desks.set('service', (key) => ({
    status: 200,
    text: JSON.stringify({ value: secretOf(key) }),
    after_ms: 3_000 + (secretOf(key) % 3_000),
  }))
  return host
}

export function configure(folder: string, host: MindedHost): void {
  const agent = (name: string, concurrency: number, settings: object) => ({
    name,
    type: 'execution',
    capabilities: ['work'],
    effect: 'none',
    timeout: TIMEOUT,
    concurrency,
    ...settings,
  })
  const service = {
    system: 'http',
    settings: { url: `${host.url}/desk/service/{{input.key}}`, method: 'GET', output: 'json', timeout: TIMEOUT },
  }
  const configuration = {
    limits: { max_parallel_workflows: RUNS_AT_ONCE, agent_pool_size: CALLS_AT_ONCE },
    models: {
      ollama_url: 'http://127.0.0.1:1',
      local: { enabled: false },
      default: 'main/k0',
      hosts: ['main', ...hostNames].map((name) => ({
        name,
        kind: 'openai_compatible',
        url: `${host.url}/${name}/v1`,
        concurrency: 100,
      })),
    },
    outbound: { allow: ['127.0.0.1'] },
    default_agents: false,
    agents: [
      ...hostNames.map((name, i) =>
        agent(`m${i}`, 32, { system: 'openai_compatible', settings: { model: `${name}/k0`, temperature: 0 } }),
      ),
      agent('service', 40, service),
      // Processes of their own cost a core more than a place: few, so that the machine is not what is measured.
      agent('p0', 2, outsideAgent({ host }, 'm0', 'd0')),
      agent('p1', 2, outsideAgent({ host }, 'm0', 'd0')),
    ],
  }
  writeFileSync(join(folder, 'quorate.yaml'), JSON.stringify(configuration))
}

const task = (id: string, key: string) => ({
  id,
  capability: 'work',
  instructions: 'Find the value that belongs to the key.',
  input: { key },
  output_schema: { type: 'object', properties: { value: { type: 'integer' } }, required: ['value'] },
  attempts: 5,
  timeout: TIMEOUT,
})

/** Wide stages one after the other; every tenth a loop that goes on for `long_ms`; none does with null. */
export function soakDefinition(n: number, seed: number, long_ms: number | null): object {
  const dice = diceOf(seed * 1_000_003 + n)
  const long = long_ms !== null && n % 10 === 0
  const stage = (id: string) => ({
    id,
    kind: 'tasks',
    tasks: Array.from({ length: WIDE }, (_, i) => task(`t${i}`, keyOf(dice))),
    on_failure: 'continue',
  })
  const stages = long
    ? [
        {
          id: 'watch',
          kind: 'loop',
          max: 100_000,
          until: `run.elapsed_ms > ${long_ms}`,
          stages: [stage('look')],
          on_failure: 'fail',
        },
      ]
    : Array.from({ length: STAGES }, (_, i) => stage(`s${i}`))
  return { apiVersion: 'quorate/v1', name: long ? 'watch' : 'wide', stages }
}

const keyOf = (dice: Dice): string =>
  `key-${dice
    .between(0, 2 ** 32 - 1)
    .toString(16)
    .padStart(8, '0')}`
