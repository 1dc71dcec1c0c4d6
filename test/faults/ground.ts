/** The program as a person starts it, with agents that are well and agents that are not, and the world around them. */
import { mkdtempSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { freePort, type Product, startProduct } from '../e2e/running-product.ts'
import { mindedHost } from './minded-host.stand-in.ts'
import { busyAtFirst, healthy, talker } from './minds.ts'
import { type Fault, furnish, type Ground, hostNames, modelAgent, mortalHost, outsideAgent } from './planted.ts'

export type Prepared = Ground & {
  product: Product
  /** Names of the agent with the fault and of the one that can do it besides, by the fault's name. */
  names: Map<string, { agent: string; other: string }>
  close: () => Promise<void>
}

/** Of a large value that it is given, what is to be known of it. */
const valueOnly = `
  let text = ''
  process.stdin.on('data', (part) => (text += part))
  process.stdin.on('end', () => console.log(JSON.stringify({ value: JSON.parse(text).input.whole.value })))`

/** Time-outs and limits are short, so that minutes are enough. */
export const TASK_TIMEOUT = '60s'
export const SILENCE = '5s'

export async function prepare(root: string, faults: readonly Fault[]): Promise<Prepared> {
  const host = await mindedHost()
  furnish(host)
  host.minds.set('w0', healthy)
  host.minds.set('k1', talker)
  host.desks.set('d8', busyAtFirst)
  const mortal = await mortalHost()
  const folder = mkdtempSync(join(root, 'faults-'))
  const undo: Ground['undo'] = []
  const ground: Ground = { host, folder, mortal, undo }
  const names: Prepared['names'] = new Map()
  const agents: object[] = []
  const add = (name: string, capability: string, settings: object): void => {
    agents.push({
      name,
      type: 'execution',
      capabilities: [capability],
      effect: 'none',
      timeout: '5m',
      concurrency: 20,
      ...settings,
    })
  }
  for (const [i, fault] of faults.entries()) {
    names.set(fault.name, { agent: `a${i}`, other: `b${i}` })
    add(`a${i}`, `work_${i}`, fault.agent(ground))
    add(`b${i}`, `work_${i}`, fault.other(ground))
  }
  add('w0', 'long_work', outsideAgent(ground, 'w0', 'd0'))
  add('w1', 'busy_work', outsideAgent(ground, 'w0', 'd8'))
  add('w2', 'reading', {
    system: 'command',
    settings: { command: [process.execPath, '-e', valueOnly], input: 'stdin', output: 'json', effect: 'none' },
  })
  add('w4', 'slow_work', outsideAgent(ground, 'w0', 'd0'))
  add('w3', 'answering', modelAgent('main', 'k1'))
  const hosts = ['main', ...hostNames].map((name) => ({ name, url: `${host.url}/${name}/v1` }))
  const configuration = {
    models: {
      ollama_url: 'http://127.0.0.1:1',
      local: { enabled: false },
      default: 'main/k0',
      hosts: [...hosts, { name: 'mortal', url: mortal.url }].map((each) => ({
        kind: 'openai_compatible',
        concurrency: 100,
        ...each,
      })),
    },
    progress: { silence: SILENCE },
    outbound: { allow: ['127.0.0.1'] },
    default_agents: false,
    agents,
  }
  writeFileSync(join(folder, 'quorate.yaml'), JSON.stringify(configuration))
  const product = await startProduct(folder, await freePort())
  return {
    ...ground,
    product,
    names,
    close: async () => {
      if (product.child.exitCode === null) await product.stop('SIGINT')
      if (mortal.child.exitCode === null) mortal.child.kill('SIGKILL')
      for (const each of undo) each()
      await host.close()
    },
  }
}
