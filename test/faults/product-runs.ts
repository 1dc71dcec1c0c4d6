/** Runs of a program that was started as a person does, over HTTP. */
import type { EventType } from '../../src/workflow/event.ts'
import { hasEnded, type RunStatus } from '../../src/workflow/run-state.ts'
import { call } from '../e2e/running-product.ts'

/** An event as the API gives it. `type` may be one that this file does not know. */
export type LogEvent = { seq: number; at: number; type: EventType | (string & {}); data: Record<string, unknown> }

type At = { url: string }

/** The run's id. Throws when it is refused. */
export async function startRun(product: At, definition: object, inputs: object, goal: string): Promise<string> {
  const { status, body } = await call(product, 'POST', '/create_workflow', { definition, inputs, goal })
  if (status !== 202) throw new Error(`a run was refused: ${JSON.stringify(body)}`)
  return String(body.run_id)
}

export async function eventsOf(product: At, run: string): Promise<LogEvent[]> {
  const events: LogEvent[] = []
  for (let after: number | null = 0; after !== null; ) {
    const { body } = await call(product, 'GET', `/runs/${run}/events?after=${after}&limit=1000`)
    events.push(...(body.items as LogEvent[]))
    after = body.next as number | null
  }
  return events
}

export type RunSeen = { status: RunStatus; reason: string; ended: boolean }

export async function seenRun(product: At, run: string): Promise<RunSeen> {
  const { body } = await call(product, 'GET', `/runs/${run}`)
  const status = body.status as RunStatus
  return { status, reason: String(body.reason ?? ''), ended: hasEnded(status) }
}

/** The run's log once it has ended; null when it has not ended in time. */
export async function logWhenEnded(product: At, run: string, within_ms: number): Promise<LogEvent[] | null> {
  const deadline = Date.now() + within_ms
  while (!(await seenRun(product, run)).ended) {
    if (Date.now() > deadline) return null
    await new Promise((resolve) => setTimeout(resolve, 100))
  }
  return eventsOf(product, run)
}
