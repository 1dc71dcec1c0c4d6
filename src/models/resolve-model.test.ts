import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { HostModel } from './model-host.ts'
import { bestModel, resolveName, type SeenHost } from './resolve-model.ts'

const model = (name: string, size_bytes: number | null = null, chats = true): HostModel => ({
  model: name,
  loaded: null,
  size_bytes,
  digest: null,
  licence: null,
  context_length: null,
  chats,
})
const host = (name: string, kind: SeenHost['kind'], ...models: HostModel[]): SeenHost => ({ name, kind, models })

const HOSTS = [
  host('vllm', 'openai_compatible', model('bge-embed', null, false), model('Qwen/Qwen3-8B')),
  host(
    'ollama',
    'ollama',
    model('qwen3:8b', 5e9),
    model('nomic-embed-text:latest', 1e8, false),
    model('gemma3:1b', 8e8),
  ),
  host('local', 'local', model('smollm2-135m-instruct', 1e8)),
]

describe('the name of a model', () => {
  const cases: [string, string][] = [
    ['ollama/qwen3:8b', 'ollama/qwen3:8b'],
    ['qwen3:8b', 'ollama/qwen3:8b'],
    ['nomic-embed-text', 'ollama/nomic-embed-text:latest'],
    ['Qwen/Qwen3-8B', 'vllm/Qwen/Qwen3-8B'],
    ['vllm/Qwen/Qwen3-8B', 'vllm/Qwen/Qwen3-8B'],
    ['vllm/not-listed', 'vllm/not-listed'],
  ]
  for (const [name, expected] of cases) {
    it(`${name} is ${expected}`, () => {
      const found = resolveName(HOSTS, name)
      assert.ok(found.ok)
      assert.equal(`${found.value.host}/${found.value.model}`, expected)
    })
  }
  for (const name of ['gpt-9', 'nowhere/qwen3:8b', 'ollama/', '/', '']) {
    it(`"${name}" is none, and says which there are`, () => {
      const found = resolveName(HOSTS, name)
      assert.ok(!found.ok)
      assert.equal(found.failure.kind, 'model_missing')
      assert.match(found.failure.remedy ?? '', /ollama\/qwen3:8b/)
    })
  }
})

describe('the model for who names none', () => {
  const id = (hosts: SeenHost[]) => {
    const found = bestModel(hosts)
    return found && `${found.host}/${found.model}`
  }
  it('is the smallest of Ollama that chats and follows instructions', () => {
    assert.equal(id(HOSTS), 'ollama/gemma3:1b')
    assert.equal(id([host('ollama', 'ollama', model('llama3:8b-text', 1), model('llama3:8b', 2))]), 'ollama/llama3:8b')
  })
  it('is tinyllama where Ollama has it', () => {
    assert.equal(
      id([host('ollama', 'ollama', model('a', 1), model('tinyllama:latest', 6e8))]),
      'ollama/tinyllama:latest',
    )
  })
  it('else one of another server, else the local one, else none', () => {
    assert.equal(id(HOSTS.filter(({ name }) => name !== 'ollama')), 'vllm/Qwen/Qwen3-8B')
    assert.equal(id(HOSTS.slice(2)), 'local/smollm2-135m-instruct')
    assert.equal(id([host('ollama', 'ollama', model('nomic-embed-text', 1, false))]), null)
  })
})
