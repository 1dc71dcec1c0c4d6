/** A configuration for tests: any free port, its own data, no agents but the test's, nothing fetched unless asked for. */
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Configuration } from '../src/configuration/configuration.ts'
import { loadConfiguration } from '../src/configuration/load-configuration.ts'

/** Models are fetched once for all tests. */
export const TEST_CACHE = join(tmpdir(), 'quorate-test-cache')

export function testConfiguration(data_dir: string, model = false): Configuration {
  const loaded = loadConfiguration({
    flags: { data: data_dir, port: '0' },
    environment: { QUORATE_CACHE_DIR: TEST_CACHE },
    cwd: data_dir,
  })
  if (!loaded.ok) throw new Error(loaded.failure.message)
  const configuration = loaded.value
  const worker = (name: string) => ({
    name: `worker_${name}`,
    type: 'execution' as const,
    system: 'function',
    description: '',
    role: '',
    instructions: '',
    capabilities: ['work'],
    settings: { function: 'worker' },
    concurrency: 50,
    timeout: '1m',
  })
  const thinker = {
    ...worker('x'),
    name: 'thinker',
    type: 'model' as const,
    system: 'local_model',
    settings: { temperature: 0, seed: 1 },
    capabilities: ['thinking'],
  }
  return {
    ...configuration,
    agents: [...['a', 'b', 'c', 'd'].map(worker), ...(model ? [thinker] : [])],
    default_agents: false,
    models: {
      ...configuration.models,
      // Nobody listens there: a server on the machine must not change what a test does.
      ollama_url: 'http://127.0.0.1:1',
      local: { ...configuration.models.local, enabled: model, hub: false, threads: 1 },
    },
  }
}
