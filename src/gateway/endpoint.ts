/**
 * The contract of the gateway's endpoint: how an attempt gets access to the models, and what a request to it is. HTTP
 * reads requests (src/api), the fleet opens an access for each attempt, main.ts hands both the implementation.
 */

import type { ModelAccess } from '../agent-systems/agent-system.ts'
import type { Allowance } from '../budget/allowance.ts'
import type { Result } from '../failure.ts'
import type { ModelGateway } from '../models/model-gateway.ts'
import type { AttemptObserver } from '../progress/observer.ts'
import type { Usage } from '../workflow/event.ts'
import type { Json } from '../workflow/value.ts'

export type AttemptOf = {
  run: string
  task: string
  attempt: number
  agent: string
  /** What it may use; left out where no budget concerns it. */
  allowance?: Allowance | undefined
  /** Is told what the attempt asks and hears. */
  observer?: AttemptObserver | undefined
  /** The model that is asked in place of whatever the agent names: `host/model`. */
  model?: string | undefined
  /** When it aborts, the calls of this attempt are ended. */
  signal: AbortSignal
}

/** What one attempt may do with the models, and what it has done. */
export type AttemptAccess = {
  /** For agents within this process: each call held to the allowance, and ended in mid-stream where that ends. */
  complete: ModelGateway['complete']
  /** The key and the addresses, minted when first asked for; one key for one attempt. */
  grant: (hide: (text: string) => string) => Promise<Result<ModelAccess>>
  /**
   * Revokes the key, ends the calls in hand, waits until all are recorded. Null when the agent made none, else the sum
   * over this attempt, with what it had used before a crash: `usage.money` where models have prices.
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
