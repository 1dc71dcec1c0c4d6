/**
 * The contract of the gateway's endpoint: how an attempt gets access to the models, and what a request to it is. HTTP
 * reads requests (src/api), the fleet opens an access for each attempt, main.ts hands both the implementation.
 */

import type { ModelAccess } from '../agent-systems/agent-system.ts'
import type { Result } from '../failure.ts'
import type { Usage } from '../workflow/event.ts'
import type { Json } from '../workflow/value.ts'
import type { AttemptLimit } from './attempt-limit.ts'

export type AttemptOf = {
  run: string
  task: string
  attempt: number
  agent: string
  /** What it may use at most by the tree of budgets; left out where nothing limits it. */
  left?: AttemptLimit
  /** When it aborts, the calls of this attempt are ended. */
  signal: AbortSignal
}

/** What one attempt may do with the models, and what it has done. */
export type AttemptAccess = {
  /** The key and the addresses, minted when first asked for; one key for one attempt. */
  grant: (hide: (text: string) => string) => Promise<Result<ModelAccess>>
  /**
   * Revokes the key, ends the calls in hand, waits until all are recorded. Null when the agent made none, else the sum
   * over this attempt, with what it had used before a crash.
   * @param why Ends the sentence "This key is no longer valid: …".
   */
  close: (why: string) => Promise<Usage | null>
}

export type EndpointRequest = {
  method: string
  /** After `/gateway`: `/v1/models`, `/api/chat`, `/qk_…/api/chat`. */
  path: string
  authorization: string | null
  /** Reads the body; asked only when the key is valid. */
  body: () => Promise<Result<Json>>
  /** Aborts when the client is gone. */
  signal: AbortSignal
}

export type ModelEndpoint = {
  open: (attempt: AttemptOf) => AttemptAccess
  /** Never throws for what a client sent; failures are in the shape of the dialect. */
  handle: (request: EndpointRequest) => Promise<Response>
  /** Where the API listens, once it does: grants wait for it. */
  announce: (url: string) => void
  close: () => void
}
