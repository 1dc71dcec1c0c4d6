/**
 * Prometheus metrics (https://prometheus.io/docs/instrumenting/exposition_formats/). Gauges are read when they are
 * asked for; counters of tasks and tokens are counted from stored events, so that they say what the record says.
 * Every label has a bound: beyond it a value counts as `other`.
 */
import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client'
import type { Fleet } from '../fleet/fleet.ts'
import type { Runs } from '../operations/operation.ts'
import type { Store } from '../store/store.ts'
import type { RunEvent } from '../workflow/event.ts'

export type MetricsParts = { store: Store; fleet: Fleet; runs: Runs; version: string }

export type ApiMetrics = {
  /** Text for a scrape. */
  text: () => Promise<string>
  contentType: string
  observeRequest: (labels: { method: string; route: string; status: number }, seconds: number) => void
  /** Called with the number of open event streams at each scrape. */
  setStreams: (count: () => number) => void
  close: () => void
}

const MOST_AGENTS = 200
const MOST_MODELS = 50
/** Runs that may wait to be counted before that happens without a scrape. */
const MOST_UNCOUNTED = 1_000
/** Events counted in one go, so that a scrape after a long time stays short. */
const MOST_EVENTS = 50_000
const PAGE = 1_000
const breakerStates = ['closed', 'half_open', 'open'] as const

export async function createMetrics({ store, fleet, runs, version }: MetricsParts): Promise<ApiMetrics> {
  const registry = new Registry()
  const registers = [registry]
  collectDefaultMetrics({ register: registry })
  let streamCount = () => 0

  new Gauge({ name: 'quorate_info', help: 'Version that runs', labelNames: ['version'], registers }).set({ version }, 1)
  new Gauge({
    name: 'quorate_runs',
    help: 'Runs by kind and state',
    labelNames: ['kind', 'status'],
    registers,
    async collect() {
      for (const kind of ['workflow', 'swarm'] as const)
        for (const [status, n] of Object.entries(await store.runs.counts(kind))) this.set({ kind, status }, n)
    },
  })
  new Gauge({
    name: 'quorate_runs_executing',
    help: 'Runs that execute now',
    registers,
    collect() {
      this.set(runs.queue().executing)
    },
  })
  new Gauge({
    name: 'quorate_queue_length',
    help: 'What waits for a place',
    labelNames: ['queue'],
    registers,
    collect() {
      this.set({ queue: 'runs' }, runs.queue().queued)
      this.set({ queue: 'calls' }, fleet.load().queued)
    },
  })
  new Gauge({
    name: 'quorate_calls_in_flight',
    help: 'Calls to agents in flight',
    registers,
    collect() {
      this.set(fleet.load().in_flight)
    },
  })
  new Gauge({
    name: 'quorate_agents',
    help: 'Agents by state',
    labelNames: ['status'],
    registers,
    async collect() {
      this.reset()
      for (const agent of await fleet.list()) this.inc({ status: agent.status })
    },
  })
  new Gauge({
    name: 'quorate_agent_breaker',
    help: 'Circuit breaker of each agent: 0 closed, 1 half open, 2 open',
    labelNames: ['agent'],
    registers,
    async collect() {
      this.reset()
      for (const agent of (await fleet.list()).slice(0, MOST_AGENTS))
        this.set({ agent: agent.name }, breakerStates.indexOf(agent.breaker.state))
    },
  })
  new Gauge({
    name: 'quorate_store_bytes',
    help: 'Size of the database',
    registers,
    async collect() {
      const { size_bytes } = await store.health()
      if (size_bytes !== null) this.set(size_bytes)
    },
  })
  new Gauge({
    name: 'quorate_event_streams',
    help: 'Open event streams',
    registers,
    collect() {
      this.set(streamCount())
    },
  })
  const requests = new Histogram({
    name: 'quorate_http_request_duration_seconds',
    help: 'HTTP requests by route; of a stream: until it began',
    labelNames: ['method', 'route', 'status'],
    buckets: [0.002, 0.005, 0.01, 0.015, 0.025, 0.05, 0.1, 0.25, 1, 5],
    registers,
  })

  const count = countEvents(registers)
  const counted = new Map<string, number>()
  const dirty = new Set<string>()
  for (const { id, seq } of await store.runs.unfinished()) counted.set(id, seq)

  /** Counts what was stored since the last time. Runs that began after this process did are counted whole. */
  const catchUp = async () => {
    let left = MOST_EVENTS
    for (const run of [...dirty]) {
      if (left <= 0) return
      dirty.delete(run)
      for (;;) {
        const events = await store.events.read(run, counted.get(run) ?? 0, PAGE)
        for (const event of events) {
          // A scrape beside this one may have counted it already.
          if (event.seq <= (counted.get(run) ?? 0)) continue
          counted.set(run, event.seq)
          count(event)
        }
        left -= events.length
        const finished = events.at(-1)?.type === 'run_finished'
        if (finished) counted.delete(run)
        if (finished || events.length < PAGE) break
      }
    }
  }
  let counting: Promise<void> = Promise.resolve()
  const caughtUp = () => {
    counting = counting.then(catchUp, catchUp)
    return counting
  }
  const unwatch = store.events.watch('*', (run) => {
    dirty.add(run)
    // A store that fails shows at the next scrape.
    if (dirty.size % MOST_UNCOUNTED === 0) caughtUp().catch(() => {})
  })

  return {
    contentType: registry.contentType,
    async text() {
      await caughtUp()
      return registry.metrics()
    },
    observeRequest: ({ method, route, status }, seconds) =>
      requests.observe({ method, route, status: String(status) }, seconds),
    setStreams: (current) => {
      streamCount = current
    },
    close() {
      unwatch()
      registry.clear()
    },
  }
}

function countEvents(registers: Registry[]): (event: RunEvent) => void {
  const finished = new Counter({
    name: 'quorate_runs_finished_total',
    help: 'Runs that ended, by how',
    labelNames: ['status'],
    registers,
  })
  const failures = new Counter({
    name: 'quorate_task_failures_total',
    help: 'Failed attempts of tasks, by kind of failure',
    labelNames: ['kind'],
    registers,
  })
  const findings = new Counter({
    name: 'quorate_findings_total',
    help: 'Attempts in which a detector found something, by detector',
    labelNames: ['detector'],
    registers,
  })
  const remedies = new Counter({
    name: 'quorate_remedies_total',
    help: 'Remedies whose outcome is known',
    labelNames: ['remedy', 'healed'],
    registers,
  })
  const tokens = new Counter({
    name: 'quorate_model_tokens_total',
    help: 'Tokens that agents reported',
    labelNames: ['model', 'direction'],
    registers,
  })
  const durations = new Histogram({
    name: 'quorate_task_duration_seconds',
    help: 'Attempts of tasks',
    labelNames: ['outcome'],
    buckets: [0.01, 0.05, 0.25, 1, 5, 15, 60, 300, 1_800],
    registers,
  })
  const modelLabel = bounded(MOST_MODELS)
  return (event) => {
    if (event.type === 'run_finished') finished.inc({ status: event.data.status })
    if (event.type === 'task_failed') failures.inc({ kind: event.data.failure.kind })
    if (event.type === 'remedy_ended') remedies.inc({ remedy: event.data.remedy, healed: String(event.data.healed) })
    if (event.type !== 'task_finished' && event.type !== 'task_failed') return
    if (event.data.finding !== undefined) findings.inc({ detector: event.data.finding.detector })
    durations.observe(
      { outcome: event.type === 'task_finished' ? 'completed' : 'failed' },
      event.data.duration_ms / 1000,
    )
    const model = event.type === 'task_finished' && event.data.model !== null ? modelLabel(event.data.model) : 'unknown'
    const { input_tokens, output_tokens } = event.data.usage
    if (input_tokens !== null) tokens.inc({ model, direction: 'input' }, input_tokens)
    if (output_tokens !== null) tokens.inc({ model, direction: 'output' }, output_tokens)
  }
}

/** The first `most` different values keep their name. */
function bounded(most: number): (value: string) => string {
  const known = new Set<string>()
  return (value) => {
    if (known.size < most) known.add(value)
    return known.has(value) ? value : 'other'
  }
}
