/** Starts Quorate as the README of an example says, on any free port, and runs its definition through the API. */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Functions } from '../../src/agent-systems/function/function.ts'
import type { AgentInput } from '../../src/agents/agent.ts'
import { loadConfiguration } from '../../src/configuration/load-configuration.ts'
import { startQuorate } from '../../src/main.ts'
import type { Json } from '../../src/workflow/value.ts'
import { quietLogger } from '../quiet-logger.ts'
import { replayAll } from '../replay-all.ts'
import { TEST_CACHE } from '../test-configuration.ts'

export const root = join(import.meta.dirname, '../..')
export const exampleFile = (path: string): string => readFileSync(join(root, 'examples', path), 'utf8')

type Task = { id: string; output: Json; failure: { kind: string; message: string } | null; model: string | null }
export type EndedRun = {
  status: string
  reason: string
  result: Json
  stages: { id: string; state: string; reason: string; output: Json; tasks: Task[] }[]
  decisions: { stage: string; taken: string; then: string[] }[]
}
export type Example = { run: (inputs: { [name: string]: Json }) => Promise<EndedRun>; close: () => Promise<void> }

/**
 * @param name folder and definition below examples
 * @param change what a test puts in the place of an agent; the model of this machine is the small one, as on a bare machine
 */
export async function startExample(
  name: string,
  { functions, change = (agent) => agent }: { functions?: Functions; change?: (agent: AgentInput) => AgentInput } = {},
): Promise<Example> {
  const data = mkdtempSync(join(tmpdir(), 'quorate-example-'))
  const loaded = loadConfiguration({
    flags: { config: `examples/${name}/quorate.yaml`, data, port: '0' },
    environment: {
      QUORATE_CACHE_DIR: TEST_CACHE,
      QUORATE_MODELS_LOCAL_HUB: 'false',
      QUORATE_MODELS_LOCAL_MODEL: 'smollm2-135m-instruct',
      // Nobody listens there: a server on the machine must not change what a test does.
      OLLAMA_BASE_URL: 'http://127.0.0.1:1',
    },
    cwd: root,
  })
  if (!loaded.ok) throw new Error(loaded.failure.message)
  const started = await startQuorate(
    { ...loaded.value, agents: loaded.value.agents.map(change) },
    { logger: quietLogger, ...(functions && { functions }) },
  )
  if (!started.ok) throw new Error(started.failure.message)
  const { url, close, store } = started.value
  const json = async (path: string, init?: RequestInit) => {
    const answer = await fetch(url + path, init)
    if (!answer.ok) throw new Error(await answer.text())
    return answer.json()
  }
  return {
    async run(inputs) {
      const body = JSON.stringify({ definition: exampleFile(`${name}/${name}.yaml`), inputs })
      const headers = { 'content-type': 'application/json' }
      const { run_id } = (await json('/create_workflow', { method: 'POST', headers, body })) as { run_id: string }
      // The live stream of a run ends with the run.
      await (await fetch(`${url}/runs/${run_id}/events`, { headers: { accept: 'text/event-stream' } })).text()
      const run = (await json(`/runs/${run_id}`)) as EndedRun
      const { $blob } = (run.result ?? {}) as { $blob?: string }
      return $blob === undefined ? run : { ...run, result: (await json(`/blobs/${$blob}`)) as Json }
    },
    async close() {
      const { differences } = await replayAll(store)
      if (differences.length > 0) throw new Error(differences.join('; '))
      await close()
      rmSync(data, { recursive: true, force: true })
    },
  }
}
