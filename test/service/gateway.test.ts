/**
 * Agent frameworks as they come from the package index, started by Quorate as commands and pointed at its gateway by
 * their own environment variables: LangGraph, Pydantic AI, AutoGen, and LangGraph again over Ollama's dialect. The model
 * host stands in, so that its count is known; one part runs on the real small model (98 MB, fetched once). Needs python3
 * with venv; some 200 MB of packages are installed once into the temporary folder.
 */
import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { promisify } from 'node:util'
import { startQuorate } from '../../src/main.ts'
import type { ModelCall } from '../../src/store/store.ts'
import { type HostStandIn, modelHostStandIn } from '../gateway/model-host.stand-in.ts'
import { quietLogger } from '../quiet-logger.ts'
import { testConfiguration } from '../test-configuration.ts'

const here = join(import.meta.dirname, 'gateway')
const run = promisify(execFile)

/** Of an environment with exactly the packages of requirements.txt; made when it is not there. */
async function pythonWithFrameworks(): Promise<string> {
  const requirements = join(here, 'requirements.txt')
  const name = createHash('sha256').update(readFileSync(requirements)).digest('hex').slice(0, 12)
  const folder = join(tmpdir(), `quorate-test-frameworks-${name}`)
  const python = join(folder, 'bin/python')
  const complete = join(folder, 'complete')
  if (!existsSync(complete)) {
    await run('python3', ['-m', 'venv', '--clear', folder])
    await run(python, ['-m', 'pip', 'install', '-q', '--disable-pip-version-check', '-r', requirements], {
      timeout: 900_000,
    })
    writeFileSync(complete, '')
  }
  return python
}

const openai = { OPENAI_BASE_URL: '{{gateway.openai_url}}', OPENAI_API_KEY: '{{gateway.key}}' }
const frameworks = {
  langgraph: {
    env: openai,
    endpoint: '/v1/chat/completions',
    error: /langchain_openai\.\S*\.OpenAIRateLimitError: Error code: 429/,
  },
  pydantic_ai: {
    env: openai,
    endpoint: '/v1/responses',
    error: /pydantic_ai\.exceptions\.ModelQuotaExceededError: status_code: 429/,
  },
  autogen: { env: openai, endpoint: '/v1/chat/completions', error: /openai\.RateLimitError/ },
  langchain_ollama: {
    env: { OLLAMA_HOST: '{{gateway.ollama_url}}' },
    endpoint: '/api/chat',
    error: /ollama\._types\.ResponseError/,
  },
}
type Framework = keyof typeof frameworks

type Ended = {
  status: string
  reason: string
  cost: { input_tokens: number; output_tokens: number; calls: number }
  result: unknown
  stages: { tasks: { failure: { message: string } | null }[] }[]
}

async function open(python: string, models: 'stand-in' | 'real') {
  const data_dir = mkdtempSync(join(tmpdir(), 'quorate-frameworks-'))
  const host: HostStandIn = await modelHostStandIn()
  const configuration = testConfiguration(data_dir, models === 'real')
  const setting = { name: 'standin', kind: 'openai_compatible' as const, url: host.url, api_key: null, concurrency: 8 }
  const started = await startQuorate(
    {
      ...configuration,
      models: { ...configuration.models, ...(models === 'stand-in' && { hosts: [setting], default: 'standin/small' }) },
      agents: Object.entries(frameworks).map(([name, { env }]) => ({
        name,
        type: 'execution' as const,
        system: 'command',
        description: '',
        role: '',
        instructions: '',
        capabilities: [],
        settings: {
          command: [python, join(here, `${name}_agent.py`)],
          env: { ...env, LANGSMITH_TRACING: 'false' },
          limits: { time: '3m' },
        },
        concurrency: 2,
        timeout: '4m',
      })),
    },
    { logger: quietLogger },
  )
  if (!started.ok) throw new Error(started.failure.message)
  const { url, store, close } = started.value
  return {
    host,
    async ask(
      agent: Framework,
      instructions: string,
      more: { budget?: object; input?: object } = {},
    ): Promise<{ ended: Ended; calls: ModelCall[] }> {
      const { budget, ...task } = more
      const definition = {
        apiVersion: 'quorate/v1',
        name: 'framework',
        ...(budget && { budget }),
        stages: [{ id: 'work', kind: 'tasks', tasks: [{ id: 'one', agent, instructions, attempts: 1, ...task }] }],
      }
      const answer = await fetch(`${url}/create_workflow`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ definition }),
      })
      const { run_id, ...rest } = (await answer.json()) as { run_id: string }
      assert.ok(run_id, JSON.stringify(rest))
      await (await fetch(`${url}/runs/${run_id}/events`, { headers: { accept: 'text/event-stream' } })).text()
      const ended = (await (await fetch(`${url}/runs/${run_id}`)).json()) as Ended
      return { ended, calls: await store.model_calls.list(run_id, 0, 100) }
    },
    async close() {
      await close()
      await host.close()
      rmSync(data_dir, { recursive: true, force: true, maxRetries: 3 })
    },
  }
}

describe('agent frameworks, unchanged, on the gateway', () => {
  let quorate: Awaited<ReturnType<typeof open>>
  let python: string
  before(async () => {
    python = await pythonWithFrameworks()
    quorate = await open(python, 'stand-in')
  })
  after(() => quorate.close())

  for (const name of Object.keys(frameworks) as Framework[]) {
    const { endpoint, error } = frameworks[name]
    test(`${name} calls its tool, and every token is counted as the host counts`, async () => {
      const before_ = quorate.host.calls.length
      const { ended, calls } = await quorate.ask(name, 'What is the weather in Bergen?')
      assert.equal(ended.status, 'completed', JSON.stringify(ended))
      assert.match(String(ended.result), /rainy in Bergen/)
      const at_host = quorate.host.calls.slice(before_)
      assert.equal(at_host.length, 2)
      assert.deepEqual(
        calls.map((call) => call.endpoint),
        [endpoint, endpoint],
      )
      assert.ok(calls.every(({ outcome, closed, estimated }) => outcome === 'ok' && closed && !estimated))
      assert.deepEqual(
        { calls: ended.cost.calls, input_tokens: ended.cost.input_tokens, output_tokens: ended.cost.output_tokens },
        {
          calls: 2,
          input_tokens: at_host.reduce((sum, call) => sum + call.prompt_tokens, 0),
          output_tokens: at_host.reduce((sum, call) => sum + call.completion_tokens, 0),
        },
      )
    })

    test(`${name} meets the end of its budget as an error of its own kind`, async () => {
      const before_ = quorate.host.calls.length
      const { ended } = await quorate.ask(name, 'What is the weather in Bergen?', { budget: { calls: 1 } })
      const said = JSON.stringify(ended)
      assert.match(said, error)
      assert.match(said, /The budget of this run, 1 call, is used up/)
      assert.equal(quorate.host.calls.length - before_, 1)
    })
  }
})

describe('a framework on the real small model', () => {
  test('langgraph asks it, and what it used is in the log', async (t) => {
    const quorate = await open(await pythonWithFrameworks(), 'real')
    t.after(() => quorate.close())
    const { ended, calls } = await quorate.ask('langgraph', 'Say hello.', { input: { no_tools: { value: true } } })
    assert.equal(ended.status, 'completed', JSON.stringify(ended))
    assert.ok(String(ended.result).trim().length > 0)
    const [call] = calls
    assert.equal(call?.model, 'local/smollm2-135m-instruct')
    assert.ok((call?.input_tokens ?? 0) > 0 && (call?.output_tokens ?? 0) > 0)
    assert.equal(ended.cost.input_tokens, call?.input_tokens)
    assert.equal(ended.cost.output_tokens, call?.output_tokens)
    assert.equal(ended.cost.calls, 1)
  })
})
