/**
 * Starts, watches and restarts the process that runs the local model.
 *
 * Invariants:
 * 1. A crash of the process ends each call in flight with `unavailable` (it may be repeated), and nothing else.
 * 2. The process is started by the first call that needs it, and again by the next call after a crash: with a growing
 *    delay, and not at all after three crashes within a minute.
 * 3. A cancelled call returns when the process has stopped generating; one that does not stop is killed.
 */
import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { extname, join } from 'node:path'
import { excerpt, type Failure, type FailureKind, fail, ok, type Result } from '../../../failure.ts'
import { endedBy, type HostAnswer, type HostContext, type HostRequest, type Logger } from '../../model-host.ts'
import type { FromModelProcess, ToModelProcess } from './protocol.ts'

const CRASHES_ALLOWED = 3
const CRASH_WINDOW_MS = 60_000
const FIRST_RESTART_DELAY_MS = 250
/** A batch of the prompt is not interruptible; this is many times what one takes. */
const CANCEL_GRACE_MS = 5_000
const CLOSE_GRACE_MS = 2_000

export type ModelProcess = {
  chat: (request: HostRequest, context: HostContext) => Promise<Result<HostAnswer>>
  /** Of the process that runs or is being started. */
  pid: () => number | null
  /** What the process said when it had loaded its model; null while it has none. */
  loaded: () => { context_length: number } | null
  /** Why the file cannot be used, once that is known. */
  unusable: () => Failure | null
  close: () => Promise<void>
}

type Ready = { context_length: number; load_ms: number }
type Call = { context: HostContext; resolve: (result: Result<HostAnswer>) => void; kill_timer?: NodeJS.Timeout }
type Running = { child: ChildProcess; ready: Promise<Result<Ready>>; loaded: Ready | null }

export type ModelProcessOptions = { path: string; threads: number; context_tokens: number; logger: Logger }

export function superviseModelProcess({ logger, ...settings }: ModelProcessOptions): ModelProcess {
  const calls = new Map<number, Call>()
  const loading_listeners = new Set<(share: number) => void>()
  let next_id = 1
  let running: Running | null = null
  let crashes: number[] = []
  let last_crash = ''
  let unusable: Failure | null = null
  let closed = false

  const settle = (id: number, result: Result<HostAnswer>) => {
    const call = calls.get(id)
    if (!call) return
    calls.delete(id)
    clearTimeout(call.kill_timer)
    call.resolve(call.context.signal.aborted ? endedBy(call.context.signal) : result)
  }

  const start = (): Running => {
    const child = fork(join(import.meta.dirname, `child${extname(import.meta.filename)}`), {
      // Nothing of the manager's environment: it may hold keys, and the process needs none of it.
      env: {},
      execArgv: [],
      serialization: 'json',
      stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
    })
    let stderr = ''
    child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      stderr = (stderr + text).slice(-2000)
    })
    const say = (message: ToModelProcess) => child.send(message, () => {})
    const ready = new Promise<Result<Ready>>((resolve) => {
      child.on('message', (message: FromModelProcess) => {
        if (message.kind === 'ready') {
          started.loaded = message
          logger.info({ pid: child.pid, load_ms: Math.round(message.load_ms) }, 'local model loaded')
          resolve(ok(message))
        } else if (message.kind === 'unusable') {
          unusable = message.failure
          resolve({ ok: false, failure: unusable })
          child.disconnect()
        } else if (message.kind === 'loading') {
          for (const listener of loading_listeners) listener(message.share)
        } else if (message.kind === 'tokens') {
          calls.get(message.id)?.context.progress({ kind: 'tokens', tokens: message.tokens, text: message.text })
        } else if (message.kind === 'answer') {
          settle(message.id, ok(message.answer))
        } else if (message.kind === 'failed') {
          settle(message.id, { ok: false, failure: message.failure })
        } else {
          logger.debug({ pid: child.pid }, message.message)
        }
      })
      const gone = (how: string) => {
        if (running === started) running = null
        const expected = closed || unusable !== null
        if (!expected) {
          crashes.push(Date.now())
          last_crash = excerpt(`${how} ${stderr}`, 300)
          logger.error({ pid: child.pid, how, stderr: excerpt(stderr, 500) }, 'local model process ended')
        }
        /** Of a call that it had in hand nobody knows how far it had come. */
        const ended = (kind: FailureKind): Result<never> =>
          closed
            ? fail('unavailable', 'The local model was stopped.')
            : fail(kind, `The local model process ended: ${how}`, { retry_after_s: 1 })
        resolve(ended('unavailable'))
        for (const id of [...calls.keys()]) settle(id, ended('agent_failed'))
      }
      child.once('error', (error) => gone(error.message))
      child.once('exit', (code, signal) => gone(signal ? `killed by ${signal}.` : `exit code ${code}.`))
    })
    const started: Running = { child, ready, loaded: null }
    say({ kind: 'load', ...settings })
    return started
  }

  /** The process with its model loaded; starts it when there is none. */
  const loadedProcess = async (context: HostContext): Promise<Result<Ready>> => {
    if (closed) return fail('unavailable', 'The local model was stopped.')
    if (unusable) return { ok: false, failure: unusable }
    if (!running) {
      const now = Date.now()
      crashes = crashes.filter((at) => now - at < CRASH_WINDOW_MS)
      if (crashes.length >= CRASHES_ALLOWED) {
        return fail(
          'unavailable',
          `The local model process ended ${crashes.length} times within a minute: ${last_crash}`,
          {
            retry_after_s: Math.ceil(((crashes[0] ?? now) + CRASH_WINDOW_MS - now) / 1000),
            remedy: 'Use a smaller model or another model host, or set models.local.path to another file.',
          },
        )
      }
      const delay = crashes.length === 0 ? 0 : FIRST_RESTART_DELAY_MS * 2 ** (crashes.length - 1)
      const wait = (crashes.at(-1) ?? 0) + delay - now
      if (wait > 0) await aborted(AbortSignal.any([context.signal, AbortSignal.timeout(wait)]))
      if (context.signal.aborted) return endedBy(context.signal)
      if (closed) return fail('unavailable', 'The local model was stopped.')
      running ??= start()
    }
    if (running.loaded) return ok(running.loaded)
    const listener = (share: number) =>
      context.progress({ kind: 'model_loading', text: `loading the model, ${Math.round(share * 100)} %` })
    loading_listeners.add(listener)
    // A caller who leaves does not stop the loading: the next one will need it.
    const left = aborted(context.signal).then(() => endedBy(context.signal))
    const result = await Promise.race([running.ready, left])
    loading_listeners.delete(listener)
    return result
  }

  return {
    pid: () => running?.child.pid ?? null,
    loaded: () => running?.loaded ?? null,
    unusable: () => unusable,
    chat: async (request, context) => {
      const before = performance.now()
      const was_loaded = running?.loaded != null
      const ready = await loadedProcess(context)
      if (!ready.ok) return ready
      if (context.signal.aborted) return endedBy(context.signal)
      const load_ms = was_loaded ? null : performance.now() - before
      const child = running?.child
      if (!child?.connected) return fail('unavailable', 'The local model process ended.', { retry_after_s: 1 })
      const id = next_id++
      const result = await new Promise<Result<HostAnswer>>((resolve) => {
        const call: Call = { context, resolve }
        calls.set(id, call)
        context.signal.addEventListener(
          'abort',
          () => {
            if (!calls.has(id)) return
            child.send({ kind: 'cancel', id } satisfies ToModelProcess, () => {})
            call.kill_timer = setTimeout(() => child.kill('SIGKILL'), CANCEL_GRACE_MS)
          },
          { once: true },
        )
        child.send({ kind: 'chat', id, request } satisfies ToModelProcess, (error) => {
          if (error) settle(id, fail('unavailable', 'The local model process ended.', { retry_after_s: 1 }))
        })
      })
      return result.ok ? ok({ ...result.value, load_ms }) : result
    },
    close: async () => {
      closed = true
      const child = running?.child
      if (!child || child.exitCode !== null || child.signalCode !== null) return
      const exit = once(child, 'exit')
      if (child.connected) child.disconnect()
      const timer = setTimeout(() => child.kill('SIGKILL'), CLOSE_GRACE_MS)
      await exit
      clearTimeout(timer)
    },
  }
}

async function aborted(signal: AbortSignal): Promise<void> {
  if (!signal.aborted) await once(signal, 'abort')
}
