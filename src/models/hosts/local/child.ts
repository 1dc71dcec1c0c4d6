/**
 * The process that runs the local model, so that a crash in native code never takes the manager along. Started by
 * {@link superviseModelProcess}; lives as long as its IPC channel.
 *
 * Invariants:
 * 1. When the manager is gone, however it went, this process is gone: the channel closes, and that ends it.
 * 2. The same request at temperature 0 gives the same answer, whatever ran before. Work on a shared prefix is reused
 *    only in whole batches, so that each batch is computed from the same tokens on the same state as in a fresh context.
 * 3. Nothing is cut silently: a prompt that does not fit is refused, an answer that does not fit says `length`.
 */
import {
  type ChatHistoryItem,
  type GbnfJsonSchema,
  getLlama,
  LlamaChat,
  type LlamaGrammar,
  LlamaLogLevel,
  type Token,
} from 'node-llama-cpp'
import { excerpt, fail, type Result } from '../../../failure.ts'
import type { HostAnswer, HostRequest } from '../../model-host.ts'
import { grammarSchema } from './grammar-schema.ts'
import type { FromModelProcess, ToModelProcess } from './protocol.ts'

/** Tokens evaluated at once; also the step in which a shared prefix is reused. Larger ones were not faster on a CPU. */
const BATCH = 128
/** Output tokens when the caller sets no limit: small models easily go on for ever. */
const DEFAULT_OUTPUT_TOKENS = 1024
/** A prompt must leave at least this much room for the answer. */
const LEAST_OUTPUT_TOKENS = 16
const GRAMMARS_KEPT = 32

type Engine = { run: (request: HostRequest, id: number, signal: AbortSignal) => Promise<Result<HostAnswer>> }

const send = (message: FromModelProcess) => {
  if (process.connected) process.send?.(message)
}

process.on('disconnect', () => process.exit(0))
// Ctrl-C in a terminal reaches the whole process group; the manager stops in order and then closes the channel.
process.on('SIGINT', () => {})

async function load(path: string, threads: number, context_tokens: number): Promise<Engine> {
  const started = performance.now()
  const llama = await getLlama({
    gpu: false,
    maxThreads: threads,
    build: 'never',
    skipDownload: true,
    logLevel: LlamaLogLevel.error,
    logger: (_level, message) => send({ kind: 'log', message: excerpt(message, 300) }),
  })
  const model = await llama.loadModel({
    modelPath: path,
    onLoadProgress: (share) => send({ kind: 'loading', share }),
  })
  const contextSize = Math.min(context_tokens, model.trainContextSize)
  const context = await model.createContext({ contextSize, batchSize: BATCH, sequences: 1, threads })
  const sequence = context.getSequence()
  const chat = new LlamaChat({ contextSequence: sequence })
  const grammars = new Map<string, LlamaGrammar>()
  let previous: Token[] = []

  const grammarFor = async (schema: NonNullable<HostRequest['schema']>): Promise<LlamaGrammar> => {
    const key = JSON.stringify(schema)
    const known = grammars.get(key)
    if (known) return known
    const grammar = await llama.createGrammarForJsonSchema<GbnfJsonSchema>(grammarSchema(schema) as never)
    const [oldest] = grammars.keys()
    if (grammars.size >= GRAMMARS_KEPT && oldest !== undefined) grammars.delete(oldest)
    grammars.set(key, grammar)
    return grammar
  }

  const keepSharedPrefix = async (tokens: Token[]) => {
    let shared = 0
    while (shared < previous.length && shared < tokens.length - 1 && previous[shared] === tokens[shared]) shared += 1
    const kept = Math.min(Math.floor(shared / BATCH) * BATCH, sequence.nextTokenIndex)
    previous = []
    if (kept === 0) await sequence.clearHistory()
    else await sequence.eraseContextTokenRanges([{ start: kept, end: sequence.nextTokenIndex }])
  }

  const run: Engine['run'] = async (request, id, signal) => {
    const started = performance.now()
    const history = historyOf(request)
    const tokens = chat.chatWrapper.generateContextState({ chatHistory: history }).contextText.tokenize(model.tokenizer)
    const room = sequence.contextSize - tokens.length - 1
    if (room < LEAST_OUTPUT_TOKENS) {
      return fail(
        'too_large',
        `The prompt has ${tokens.length} tokens; the model's context holds ${sequence.contextSize}.`,
        {
          remedy: 'Shorten the prompt, raise models.local.context_tokens, or use a model with a larger context.',
        },
      )
    }
    let grammar: LlamaGrammar | undefined
    try {
      if (request.schema) grammar = await grammarFor(request.schema)
    } catch (error) {
      return fail('invalid_input', `The output schema cannot be made a grammar: ${excerpt(messageOf(error), 300)}`, {
        field: 'schema',
        remedy: 'Use a simpler JSON Schema.',
      })
    }
    await keepSharedPrefix(tokens)
    let first_token_ms: number | null = null
    let output_tokens = 0
    const { response, metadata } = await chat.generateResponse(history, {
      signal,
      ...(grammar ? { grammar } : {}),
      ...(request.seed === undefined ? {} : { seed: request.seed }),
      ...(request.top_p === undefined ? {} : { topP: request.top_p }),
      ...(request.stop === undefined ? {} : { customStopTriggers: request.stop }),
      temperature: request.temperature ?? 0.7,
      maxTokens: Math.min(request.max_output_tokens ?? DEFAULT_OUTPUT_TOKENS, room),
      // Never reached, since prompt and answer fit; the smallest value keeps the library from making room beforehand.
      contextShift: { size: 1 },
      onResponseChunk: (chunk) => {
        first_token_ms ??= performance.now() - started
        output_tokens += chunk.tokens.length
        send({ kind: 'tokens', id, tokens: output_tokens, text: chunk.type === undefined ? chunk.text : '' })
      },
    })
    previous = tokens
    const finish = metadata.stopReason === 'maxTokens' ? 'length' : metadata.stopReason === 'abort' ? 'other' : 'stop'
    const counts = { input_tokens: tokens.length, output_tokens, first_token_ms, load_ms: null }
    return { ok: true, value: { text: response, model: request.model, finish, ...counts } }
  }

  send({ kind: 'ready', context_length: sequence.contextSize, load_ms: performance.now() - started })
  return { run }
}

/** The library generates into the model's turn that ends the history. */
function historyOf(request: HostRequest): ChatHistoryItem[] {
  const items = request.messages.map(({ role, content }): ChatHistoryItem => {
    if (role === 'assistant') return { type: 'model', response: [content] }
    // Messages of tools do not come this far (local.ts).
    return { type: role === 'system' ? 'system' : 'user', text: content }
  })
  return [...items, { type: 'model', response: [] }]
}

const messageOf = (error: unknown) => (error instanceof Error ? error.message : String(error))

let engine: Engine | null = null
/** One at a time, in order of arrival. */
let last: Promise<void> = Promise.resolve()
const cancels = new Map<number, AbortController>()

process.on('message', (message: ToModelProcess) => {
  if (message.kind === 'cancel') {
    cancels.get(message.id)?.abort()
  } else if (message.kind === 'load') {
    load(message.path, message.threads, message.context_tokens).then(
      (loaded) => {
        engine = loaded
      },
      (error) => {
        const result = fail('model_missing', `The model file cannot be loaded: ${excerpt(messageOf(error), 300)}`, {
          field: 'models.local.path',
          value: message.path,
          remedy: 'Use a GGUF file that fits the free memory.',
        })
        if (!result.ok) send({ kind: 'unusable', failure: result.failure })
      },
    )
  } else {
    const { id, request } = message
    const cancel = new AbortController()
    cancels.set(id, cancel)
    last = last.then(async () => {
      const result = await answer(request, id, cancel.signal)
      cancels.delete(id)
      if (result.ok) send({ kind: 'answer', id, answer: result.value })
      else send({ kind: 'failed', id, failure: result.failure })
    })
  }
})

async function answer(request: HostRequest, id: number, signal: AbortSignal): Promise<Result<HostAnswer>> {
  if (!engine) return fail('internal', 'A chat reached the model process before its model was loaded.')
  if (signal.aborted) return fail('cancelled', 'The model call was cancelled.')
  try {
    return await engine.run(request, id, signal)
  } catch (error) {
    if (signal.aborted) return fail('cancelled', 'The model call was cancelled.')
    return fail('agent_failed', `The local model failed: ${excerpt(messageOf(error), 300)}`)
  }
}
