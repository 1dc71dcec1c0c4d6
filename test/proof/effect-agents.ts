/** One agent system for each class of effect, as a person would set it up, and a run that uses them all. */
import { join } from 'node:path'
import { type AgentInput, agentInput } from '../../src/agents/agent.ts'
import type { Definition } from '../../src/workflow/definition.ts'
import { type EffectKind, effectKinds } from './outside-ledger.ts'

/** Of each kind: faults open breakers, and there has to be somebody left. */
const AGENTS_OF_A_KIND = 6

export function effectAgents(url: string, of_a_kind = AGENTS_OF_A_KIND): AgentInput[] {
  const body = { run: '{{run}}', task: '{{task}}' }
  const settings: { [K in EffectKind]: { system: string; settings: AgentInput['settings'] } } = {
    // The service keeps its promise: the same key, the same payment.
    payment: { system: 'http', settings: { url: `${url}/payment`, body, idempotency_header: 'Idempotency-Key' } },
    // The id is minted by us, so the service can be asked for it.
    thread: {
      system: 'http',
      settings: { url: `${url}/thread/{{effect_key}}`, body, reconcile: { url: `${url}/thread/{{effect_key}}` } },
    },
    // In a fresh folder: nothing of the attempt before is left.
    build: {
      system: 'command',
      settings: {
        command: ['node', join(import.meta.dirname, 'build-step.mjs'), url],
        input: 'stdin',
        work_folder: 'fresh',
      },
    },
    // No key, nobody to ask: only a person can tell.
    mail: { system: 'http', settings: { url: `${url}/mail`, body } },
  }
  return effectKinds.flatMap((kind) =>
    Array.from({ length: of_a_kind }, (_, i) =>
      agentInput.parse({
        name: `${kind}_${i}`,
        capabilities: [kind],
        concurrency: 50,
        timeout: '30s',
        ...settings[kind],
      }),
    ),
  )
}

export const INSTRUCTIONS = 'Do it once.'

export const effectDefinition = (of_a_kind: number): Definition => ({
  apiVersion: 'quorate/v1',
  name: `effects_${of_a_kind}`,
  stages: [
    {
      id: 'effects',
      kind: 'tasks',
      tasks: effectKinds.flatMap((kind) =>
        Array.from({ length: of_a_kind }, (_, i) => ({
          id: `${kind}_${i}`,
          capability: kind,
          attempts: 10,
          instructions: INSTRUCTIONS,
        })),
      ),
    },
  ],
})

/** How often a build's effect is in what came out of its folder. */
export const builtLines = (output: unknown, intent: string): number =>
  String(output)
    .split('\n')
    .filter((line) => line === `built ${intent}`).length
