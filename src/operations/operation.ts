/**
 * An operation is one value: what can be asked of the program. HTTP routes, OpenAPI, the command line, and later MCP,
 * A2A and the console are derived from the list in `all.ts`, so they cannot drift apart.
 */
import type { z } from 'zod'
import type { Configuration } from '../configuration/configuration.ts'
import type { Result } from '../failure.ts'
import type { Fleet } from '../fleet/fleet.ts'
import type { ModelGateway } from '../models/model-gateway.ts'
import type { Planner } from '../planning/planner.ts'
import type { Store } from '../store/store.ts'
import type { PinnedBudget } from '../workflow/command.ts'
import type { RunEvent } from '../workflow/event.ts'
import type { Fork } from '../workflow/fork.ts'
import type { Json } from '../workflow/value.ts'

export const permissions = [
  'runs:read',
  'runs:write',
  'budgets:write',
  'agents:read',
  'agents:write',
  'definitions:read',
  'definitions:write',
  'system:read',
  'keys:read',
  'keys:write',
] as const
export type Permission = (typeof permissions)[number]

/** What the durable shell offers to operations. Everything it accepts is durable when the promise resolves. */
export type Runs = {
  /** Mints the id, stores the run with its first event, has it dispatched. Never waits for the engine. */
  start: (request: {
    kind: 'workflow' | 'swarm'
    goal: string | null
    /** Hash of a stored definition, or null to have one planned. */
    definition: string | null
    inputs: { [name: string]: Json }
    by: string
    run?: string
    /** Limits of the request, besides those of the definition. */
    budget?: PinnedBudget | undefined
  }) => Promise<Result<{ run: string }>>
  /**
   * A new run that shares its beginning with another one (fork.ts says how it is cut and what is left out). The source
   * is only read, whatever it is doing. `conflict` when a run with the given id exists.
   */
  fork: (request: {
    source: string
    at?: number
    before_stage?: string
    /** Hash of a stored definition that takes the place of the source's. */
    definition?: string
    inputs?: { [name: string]: Json }
    by: string
    run?: string
  }) => Promise<Result<{ run: string } & Pick<Fork, 'forked_from' | 'left_out'>>>
  /** Puts an input into the run's durable inbox. The same eid twice is one. `conflict` when the run has ended. */
  send: (
    run: string,
    eid: string,
    input: Pick<
      RunEvent<
        | 'cancel_requested'
        | 'pause_requested'
        | 'resume_requested'
        | 'signal_received'
        | 'approval_given'
        | 'effect_resolved'
        | 'budget_raised'
        | 'definition_changed'
      >,
      'type' | 'data'
    >,
  ) => Promise<Result<{ mail: number }>>
  queue: () => { executing: number; queued: number; limit: number }
  engine: () => Promise<{ ok: boolean; detail: string }>
}

export type OperationContext = {
  configuration: Configuration
  store: Store
  runs: Runs
  fleet: Fleet
  gateway: ModelGateway
  planner: Planner
  version: string
  started_at: number
  now: () => number
  /** Who asks: the name of the key, `local` without authentication. */
  actor: string
  /** What the asker may; everything without authentication. The door has held this operation's own against it. */
  granted: readonly Permission[]
  signal: AbortSignal
  /** Identity of the request when it carries an Idempotency-Key; ids of what it makes derive from it (request-ids.ts). */
  request_key?: string
}

export type Operation<Input = unknown, Output = unknown> = {
  /** The outside's name, letter for letter; also the file's name. */
  name: string
  method: 'GET' | 'POST' | 'PATCH' | 'DELETE' | 'PUT'
  /** `/runs/{id}`; parameters in braces are fields of the input. */
  path: string
  aliases?: readonly string[]
  summary: string
  description?: string
  needs: Permission
  /** Status of success: 200 by default, 202 for what goes on after the answer, 201 for what was made. */
  status?: 200 | 201 | 202
  /** The answer holds a secret: it is kept nowhere, so an Idempotency-Key does not bring it back. */
  answers_secret?: true
  input: z.ZodType<Input>
  output: z.ZodType<Output>
  run: (context: OperationContext, input: Input) => Promise<Result<Output>>
}
