import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { catalogue } from './catalogue.ts'
import { bringIntoCache } from './fetch-model.ts'
import { superviseModelProcess } from './model-process.ts'

const logger = { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} }
const context = () => ({ signal: new AbortController().signal, progress: () => {} })
const HELLO = { model: 'm', messages: [{ role: 'user' as const, content: 'Hello.' }], max_output_tokens: 2 }

describe('the supervisor of the model process', () => {
  let path = ''
  let dir = ''
  before(async () => {
    dir = await mkdtemp(join(tmpdir(), 'quorate-model-process-'))
    const model = catalogue.find(({ name }) => name === 'smollm2-135m-instruct')
    assert.ok(model)
    const cache_dir = join(tmpdir(), 'quorate-test-cache')
    const found = await bringIntoCache(model, { cache_dir, fetch, signal: new AbortController().signal })
    assert.ok(found.ok, JSON.stringify(found))
    path = found.value
  })
  after(() => rm(dir, { recursive: true, force: true }))

  it('gives up for a while after three crashes within a minute, and says why', async () => {
    const supervised = superviseModelProcess({ path, threads: 1, context_tokens: 256, logger })
    for (let crash = 1; crash <= 3; crash++) {
      const call = supervised.chat(HELLO, context())
      await until(() => supervised.pid() !== null)
      process.kill(supervised.pid() ?? Number.NaN, 'SIGKILL')
      const answer = await call
      assert.equal(!answer.ok && answer.failure.kind, 'unavailable')
    }
    const refused = await supervised.chat(HELLO, context())
    assert.ok(!refused.ok)
    assert.match(refused.failure.message, /3 times within a minute: killed by SIGKILL/)
    const { retry_after_s = 0 } = refused.failure
    assert.ok(retry_after_s > 1 && retry_after_s <= 60)
    await supervised.close()
  })

  it('does not start again for a file that is no model', async () => {
    const file = join(dir, 'broken.gguf')
    await writeFile(file, `GGUF${'x'.repeat(4096)}`)
    const supervised = superviseModelProcess({ path: file, threads: 1, context_tokens: 256, logger })
    const first = await supervised.chat(HELLO, context())
    assert.equal(!first.ok && first.failure.kind, 'model_missing', JSON.stringify(first))
    assert.deepEqual(await supervised.chat(HELLO, context()), first)
    await supervised.close()
  })

  it('leaves no process when the manager is killed in mid-answer', async () => {
    const manager = spawn(
      process.execPath,
      [
        '--input-type=module',
        '--eval',
        `import { superviseModelProcess } from ${JSON.stringify(new URL('./model-process.ts', import.meta.url).href)}
         const logger = { debug() {}, info() {}, warn() {}, error() {} }
         const supervised = superviseModelProcess({ path: ${JSON.stringify(path)}, threads: 1, context_tokens: 1024, logger })
         let said = false
         await supervised.chat(
           { model: 'm', messages: [{ role: 'user', content: 'Tell a long story.' }], max_output_tokens: 900 },
           { signal: new AbortController().signal, progress: (p) => {
             if (said || p.kind !== 'tokens') return
             said = true
             console.log(supervised.pid())
           } },
         )`,
      ],
      { stdio: ['ignore', 'pipe', 'inherit'] },
    )
    const [printed] = await once(manager.stdout, 'data')
    const pid = Number(printed)
    assert.ok(pid > 0)
    manager.kill('SIGKILL')
    await until(() => !isAlive(pid))
  })
})

async function until(condition: () => boolean): Promise<void> {
  const deadline = performance.now() + 5000
  while (!condition()) {
    assert.ok(performance.now() < deadline, `not within 5 s: ${condition}`)
    await new Promise((resolve) => setImmediate(resolve))
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch {
    return false
  }
}
