/** Tries that go on in this process; what came of each is in the store. */
import { z } from 'zod'
import { type Failure, fail, type Result } from '../failure.ts'
import type { Fleet } from '../fleet/fleet.ts'
import type { Store, StoredTry } from '../store/store.ts'
import { holdsReference, type Json, type Value } from '../workflow/value.ts'
import type { OperationContext } from './operation.ts'

/** Tries under way at once: each takes a place that runs need too. */
export const MOST_TRIES = 4
/** Bytes of JSON up to which an answer is kept with the try; a longer one becomes a blob. */
const INLINE_BYTES = 16_384
const PREVIEW_CHARACTERS = 500

const failure = z.looseObject({ kind: z.string(), message: z.string() }).nullable()
export const tryView = z.strictObject({
  id: z.string(),
  agent: z.string(),
  agent_name: z.string(),
  prompt: z.string(),
  by: z.string(),
  state: z.enum(['running', 'completed', 'failed', 'cancelled', 'interrupted']),
  created_at: z.number(),
  ended_at: z.number().nullable(),
  output: z.unknown(),
  failure,
  model: z.string().nullable(),
  input_tokens: z.number().nullable(),
  output_tokens: z.number().nullable(),
  duration_ms: z.number().nullable(),
  queued_ms: z.number().nullable(),
  progress: z
    .strictObject({ note: z.string(), tokens: z.number() })
    .nullable()
    .meta({ description: 'What the agent says while it works' }),
})
export const tryIdInput = z.string().regex(/^try_[0-9a-f-]{36}$/, 'the id of a try begins with try_')

const underWay = new WeakMap<Fleet, Map<string, AbortController>>()

function ofFleet(fleet: Fleet): Map<string, AbortController> {
  const known = underWay.get(fleet) ?? new Map<string, AbortController>()
  underWay.set(fleet, known)
  return known
}

/** What the store has, and what is known of it now: one that no process works on any more was interrupted. */
export function shownTry(context: OperationContext, stored: StoredTry): z.output<typeof tryView> {
  const alive = ofFleet(context.fleet).has(stored.id)
  const [call] = alive ? context.fleet.live(stored.id) : []
  return {
    ...stored,
    state: stored.state === 'running' && !alive ? 'interrupted' : stored.state,
    progress:
      stored.state === 'running' && alive
        ? { note: call?.note ?? 'waits for a place', tokens: call?.tokens ?? 0 }
        : null,
  }
}

/** Sets the agent to work and returns at once; `busy` when {@link MOST_TRIES} are under way. */
export async function beginTry(
  context: OperationContext,
  begun: StoredTry,
  bounds: { timeout_ms: number; max_output_tokens: number | null },
): Promise<Result<void>> {
  const running = ofFleet(context.fleet)
  if (running.size >= MOST_TRIES)
    return fail('busy', `${running.size} tries are under way, and no more are allowed`, {
      retry_after_s: 5,
      remedy: 'wait until one has ended, or cancel one',
    })
  const stop = new AbortController()
  running.set(begun.id, stop)
  try {
    await context.store.tries.put(begun)
  } catch (error) {
    running.delete(begun.id)
    throw error
  }
  // The program's own end stops it; the request that began it may go away.
  const signal = AbortSignal.any([stop.signal, context.signal])
  void carryOut(context, begun, bounds, signal).finally(() => running.delete(begun.id))
  return { ok: true, value: undefined }
}

/** False when it is not under way here. */
export function stopTry(fleet: Fleet, id: string): boolean {
  const stop = ofFleet(fleet).get(id)
  stop?.abort()
  return stop !== undefined
}

async function carryOut(
  context: OperationContext,
  begun: StoredTry,
  { timeout_ms, max_output_tokens }: { timeout_ms: number; max_output_tokens: number | null },
  signal: AbortSignal,
): Promise<void> {
  const ended = await context.fleet
    .perform(
      {
        run: begun.id,
        task: 'try',
        attempt: 1,
        agent: begun.agent_name,
        capability: null,
        fallback: [],
        excluded: [],
        instructions: begun.prompt,
        input: {},
        output_schema: null,
        effect: null,
        timeout_ms,
        max_output_tokens,
        goal: null,
        repeated: false,
      },
      { signal },
    )
    .then(
      async (outcome): Promise<Partial<StoredTry>> => ({
        duration_ms: outcome.duration_ms,
        queued_ms: outcome.queued_ms,
        ...(outcome.ok
          ? {
              state: 'completed',
              output: await keptOutput(context.store, outcome.performed.output),
              model: outcome.performed.model,
              input_tokens: outcome.performed.usage.input_tokens,
              output_tokens: outcome.performed.usage.output_tokens,
            }
          : { state: outcome.failure.kind === 'cancelled' ? 'cancelled' : 'failed', failure: outcome.failure }),
      }),
    )
    .catch((error: unknown): Partial<StoredTry> => ({ state: 'failed', failure: failureOf(error) }))
  await context.store.tries.put({ ...begun, ...ended, ended_at: context.now() }).catch(() => undefined)
}

async function keptOutput(store: Store, output: Json): Promise<Value> {
  const text = JSON.stringify(output)
  const bytes = new TextEncoder().encode(text)
  // What has the form of a reference is stored apart, too: who reads this takes every reference for one of ours.
  if (bytes.byteLength <= INLINE_BYTES && !holdsReference(output)) return output
  const preview = (typeof output === 'string' ? output : text).slice(0, PREVIEW_CHARACTERS)
  return { $blob: await store.blobs.put(bytes), bytes: bytes.byteLength, preview }
}

const failureOf = (error: unknown): Failure =>
  (error as { failure?: Failure }).failure ?? {
    kind: 'internal',
    message: 'the try could not be carried out',
    remedy: 'see the log; this is a defect of Quorate',
  }
