/**
 * Places for calls: bounded over all, for each agent, and for each host. What finds no place waits in a bounded queue.
 *
 * Invariants:
 *  A1. Calls in flight ≤ limit, over all, for each agent and for each host, unless a limit was lowered below them.
 *  A2. No call waits while it could go: whenever a place may have come free, every waiter that fits has been let in.
 *  A3. Among the calls of one run that could go, the one that has waited longest goes first (FIFO); a call that cannot
 *      go holds up nobody else.
 *  A4. Runs take turns: of the first runs with a call that could go, that one goes which holds the fewest places of the
 *      agent, and among those the one that was let in longest ago.
 *  A5. A waiter that was aborted or dismissed holds no place and is in no queue.
 *  A6. A place is asked back only from a run that holds more than its share of what is contested, for one that holds
 *      less and has waited for the time of a lease. So no run loses its last place, and each goes on.
 */
import { fail, ok, type Result } from '../failure.ts'

export type PlaceRequest = {
  run: string
  agent: string
  host: string
  /** 1 = goes before all others: work that an interrupted execution had begun. */
  priority: 0 | 1
  signal: AbortSignal
  /** Asks for the place back: the call ends soon. Absent for a call that must not be broken off. */
  recall?: () => void
}

export type Place = {
  /** Milliseconds in the queue. */
  queued_ms: number
  /** Gives the place back; again = no effect. */
  release: () => void
}

export type Admission = {
  /** `busy` when the queue is full, `cancelled` when aborted, `moved` when the agent takes no more work. */
  acquire: (request: PlaceRequest) => Promise<Result<Place> | 'moved'>
  /** Asks places back from runs that hold more than their share while others wait; to be called now and then. */
  recall: () => void
  /** Sends the waiters of an agent elsewhere. */
  dismiss: (agent: string) => void
  /** A limit was raised: lets in who fits now. */
  admit: () => void
  in_flight: () => number
  queued: () => number
  queuedFor: (agent: string) => number
  /** Calls of the agent in flight or waiting. */
  load: (agent: string) => number
  inFlightOn: (host: string) => number
}

export type AdmissionLimits = {
  total: number
  /** Calls that may wait. */
  queue: number
  agent: (agent: string) => number
  host: (host: string) => number
  /** Milliseconds that a call waits before places are asked back for it. */
  lease_ms: number
}

type Waiter = {
  request: PlaceRequest
  number: number
  since: number
  /** When a place was last asked back for it. */
  recalled_at: number
  settle: (outcome: Result<Place> | 'moved') => void
}
/** Waiters of one run by agent and host, each a queue in order of arrival: they fit or don't fit together. */
type RunQueue = Map<string, Set<Waiter>>
/** A place in use. */
type Held = { request: PlaceRequest; recalled: boolean }

/** Runs that are compared when one may go, so that thousands that wait cost no more than these. */
const COMPARED_RUNS = 32

/** Weight of the last call in the mean holding time that the advice to come back is made from. */
const HOLD_STEP = 0.05

export function createAdmission(limits: AdmissionLimits, now: () => number): Admission {
  let inFlight = 0
  let arrivals = 0
  let meanHold = 1_000
  const byAgent = new Map<string, number>()
  const byHost = new Map<string, number>()
  const waitingFor = new Map<string, number>()
  /** In the order in which they were let in. */
  const holding = new Set<Held>()
  const byRunAndAgent = new Map<string, number>()
  let waiting = 0
  // For each priority the runs in the order in which they were last let in: a Map keeps the order of insertion.
  const levels: [Map<string, RunQueue>, Map<string, RunQueue>] = [new Map(), new Map()]

  const count = (map: Map<string, number>, key: string, by: number) => {
    const next = (map.get(key) ?? 0) + by
    if (next === 0) map.delete(key)
    else map.set(key, next)
  }
  const fits = (agent: string, host: string) =>
    inFlight < limits.total &&
    (byAgent.get(agent) ?? 0) < limits.agent(agent) &&
    (byHost.get(host) ?? 0) < limits.host(host)

  function take(request: PlaceRequest, since: number): Place {
    inFlight++
    count(byAgent, request.agent, 1)
    count(byHost, request.host, 1)
    count(byRunAndAgent, runAndAgent(request), 1)
    const own: Held = { request, recalled: false }
    holding.add(own)
    const from = now()
    let held = true
    return {
      queued_ms: Math.max(0, from - since),
      release: () => {
        if (!held) return
        held = false
        inFlight--
        count(byAgent, request.agent, -1)
        count(byHost, request.host, -1)
        count(byRunAndAgent, runAndAgent(request), -1)
        holding.delete(own)
        meanHold += HOLD_STEP * (now() - from - meanHold)
        admit()
      },
    }
  }

  function enqueue(waiter: Waiter): void {
    const { run, agent, priority } = waiter.request
    const runQueue: RunQueue = levels[priority].get(run) ?? new Map()
    levels[priority].set(run, runQueue)
    const queue = runQueue.get(placeOf(waiter.request)) ?? new Set()
    runQueue.set(placeOf(waiter.request), queue.add(waiter))
    waiting++
    count(waitingFor, agent, 1)
  }

  function leave(waiter: Waiter): boolean {
    const { run, agent, priority } = waiter.request
    const runQueue = levels[priority].get(run)
    const queue = runQueue?.get(placeOf(waiter.request))
    if (runQueue === undefined || queue === undefined || !queue.delete(waiter)) return false
    if (queue.size === 0) runQueue.delete(placeOf(waiter.request))
    if (runQueue.size === 0) levels[priority].delete(run)
    waiting--
    count(waitingFor, agent, -1)
    return true
  }

  /** The waiter that has waited longest among those of the run that fit. */
  function oldestThatFits(runQueue: RunQueue): Waiter | null {
    let oldest: Waiter | null = null
    for (const queue of runQueue.values()) {
      const [first] = queue
      if (first === undefined || !fits(first.request.agent, first.request.host)) continue
      if (oldest === null || first.number < oldest.number) oldest = first
    }
    return oldest
  }

  function nextWaiter(): Waiter | null {
    for (const level of [levels[1], levels[0]]) {
      let best: { waiter: Waiter; holds: number } | null = null
      let compared = 0
      for (const runQueue of level.values()) {
        const waiter = oldestThatFits(runQueue)
        if (waiter === null) continue
        const holds = byRunAndAgent.get(runAndAgent(waiter.request)) ?? 0
        if (best === null || holds < best.holds) best = { waiter, holds }
        if (holds === 0 || ++compared === COMPARED_RUNS) break
      }
      if (best === null) continue
      const { run } = best.waiter.request
      const runQueue = level.get(run) as RunQueue
      level.delete(run)
      level.set(run, runQueue)
      return best.waiter
    }
    return null
  }

  /** What the waiter waits for: whether a place is a part of it, and how many there are. */
  function contested({ agent, host }: PlaceRequest): { limit: number; has: (other: PlaceRequest) => boolean } | null {
    if ((byAgent.get(agent) ?? 0) >= limits.agent(agent))
      return { limit: limits.agent(agent), has: (other) => other.agent === agent }
    if ((byHost.get(host) ?? 0) >= limits.host(host))
      return { limit: limits.host(host), has: (other) => other.host === host }
    return inFlight >= limits.total ? { limit: limits.total, has: () => true } : null
  }

  /** Asks the youngest call of the run that holds most of what the waiter needs, beyond its share. */
  function recallFor(waiter: Waiter): void {
    const wanted = contested(waiter.request)
    if (wanted === null) return
    const held = new Map<string, Held[]>()
    for (const each of holding) {
      if (!wanted.has(each.request)) continue
      const { run } = each.request
      held.set(run, [...(held.get(run) ?? []), each])
    }
    // What has been asked back is as good as free.
    const stays = (run: string): number => (held.get(run) ?? []).filter(({ recalled }) => !recalled).length
    const runs = new Set([waiter.request.run, ...held.keys()])
    const share = Math.max(1, Math.floor(wanted.limit / runs.size))
    if (stays(waiter.request.run) >= share) return
    const greediest = [...held.keys()].sort((a, b) => stays(b) - stays(a))[0]
    if (greediest === undefined || stays(greediest) <= share) return
    const youngest = held.get(greediest)?.findLast(({ request, recalled }) => request.recall !== undefined && !recalled)
    if (youngest === undefined) return
    youngest.recalled = true
    waiter.recalled_at = now()
    youngest.request.recall?.()
  }

  function admit(): void {
    while (waiting > 0 && inFlight < limits.total) {
      const waiter = nextWaiter()
      if (waiter === null) return
      leave(waiter)
      waiter.settle(ok(take(waiter.request, waiter.since)))
    }
  }

  return {
    admit,
    in_flight: () => inFlight,
    queued: () => waiting,
    queuedFor: (agent) => waitingFor.get(agent) ?? 0,
    load: (agent) => (byAgent.get(agent) ?? 0) + (waitingFor.get(agent) ?? 0),
    inFlightOn: (host) => byHost.get(host) ?? 0,
    recall() {
      const before = now() - limits.lease_ms
      // The oldest of each run: the others are behind it anyway.
      for (const level of levels)
        for (const runQueue of level.values()) {
          const firsts = [...runQueue.values()].flatMap(([first]) => (first === undefined ? [] : [first]))
          const [oldest] = firsts.sort((a, b) => a.number - b.number)
          if (oldest !== undefined && Math.max(oldest.since, oldest.recalled_at) <= before) recallFor(oldest)
        }
    },

    dismiss(agent) {
      for (const level of levels) {
        for (const runQueue of [...level.values()]) {
          for (const waiter of [...runQueue.values()].flatMap((queue) => [...queue])) {
            if (waiter.request.agent !== agent) continue
            leave(waiter)
            waiter.settle('moved')
          }
        }
      }
    },

    async acquire(request) {
      const since = now()
      if (request.signal.aborted) return cancelled()
      // A2 makes this fair: had anybody else been waiting for this place, it would have it already.
      if (fits(request.agent, request.host)) return ok(take(request, since))
      if (waiting >= limits.queue) {
        const wait = Math.ceil((waiting / limits.total) * (meanHold / 1_000))
        return fail('busy', `${waiting} calls wait for agents already, which is the limit`, {
          remedy: 'come back later, or raise AGENT_POOL_SIZE and the concurrency of the agents',
          retry_after_s: Math.min(60, Math.max(1, wait)),
        })
      }
      return new Promise((resolve) => {
        const waiter: Waiter = {
          request,
          number: arrivals++,
          since,
          recalled_at: since,
          settle: (outcome) => {
            request.signal.removeEventListener('abort', aborted)
            resolve(outcome)
          },
        }
        const aborted = () => {
          if (leave(waiter)) waiter.settle(cancelled())
        }
        request.signal.addEventListener('abort', aborted, { once: true })
        enqueue(waiter)
      })
    },
  }
}

const placeOf = (request: PlaceRequest): string => `${request.agent} ${request.host}`

const runAndAgent = ({ run, agent }: PlaceRequest): string => `${run} ${agent}`

const cancelled = (): Result<never> => fail('cancelled', 'cancelled while it waited for an agent')
