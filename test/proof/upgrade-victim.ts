/**
 * The program under upgrade: its agents are functions that say what they were told, and one that asks the outside whether
 * it may go on. Ends with its standard input, or by `kill -9`. There may be a second build of it, elsewhere on the disk.
 * Usage: upgrade-victim.ts <data dir> <address of the outside>
 */
import { createFunctions } from '../../src/agent-systems/function/function.ts'
import { startQuorate } from '../../src/main.ts'
import { testConfiguration } from '../test-configuration.ts'

const [data, outside] = process.argv.slice(2) as [string, string]
const ignore = (): void => undefined
const logger = {
  debug: ignore,
  info: ignore,
  warn: ignore,
  error: (fields: object, message: string) => console.error(message, JSON.stringify(fields)),
}
const functions = createFunctions()
functions.register('worker', (task) => `${task.agent_instructions}|${task.instructions}`)
functions.register('holder', async ({ run, input }, { signal }) => {
  if (input['hold'] === true) await fetch(`${outside}/hold`, { method: 'POST', body: JSON.stringify({ run }), signal })
  return 'held'
})
const configuration = testConfiguration(data)
const started = await startQuorate(
  {
    ...configuration,
    agents: [],
    models: { ...configuration.models, ollama_url: outside },
    limits: { ...configuration.limits, max_parallel_workflows: 1_000, agent_pool_size: 1_000 },
  },
  { logger, functions },
)
if (!started.ok) {
  console.error(JSON.stringify(started.failure))
  process.exit(70)
}
const quorate = started.value
process.stdin.on('end', () => void quorate.close().then(() => process.exit(0))).resume()
process.stdout.write(`ready ${quorate.url}\n`)
