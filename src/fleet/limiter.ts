/** How many calls each host bears: what the configuration says at most, less as soon as the host refuses. */
import { aimd, hostAimd } from '../agents/adaptive-concurrency.ts'
import type { Configuration } from '../configuration/configuration.ts'

export type HostLimiter = {
  limit: (host: string) => number
  /** The host took a call, or refused it for being busy. */
  record: (host: string, sample: { dropped: boolean; rtt_ms: number; in_flight: number }) => void
  hosts: () => { host: string; limit: number }[]
}

/** One call computes while the next one is made ready: a model in our own child process gains nothing from more. */
const LOCAL_MODEL_CALLS = 2
/** Ollama queues by itself, and by default computes one call at a time. */
const OLLAMA_CALLS = 4

export function createHostLimiter(configuration: Pick<Configuration, 'models' | 'limits'>): HostLimiter {
  const learned = new Map<string, number>()
  const most = (host: string): number => {
    const configured = configuration.models.hosts.find(({ name, url }) => host === name || host.includes(url))
    if (configured !== undefined) return configured.concurrency
    if (host === 'local') return LOCAL_MODEL_CALLS
    if (host.startsWith('ollama')) return OLLAMA_CALLS
    return configuration.limits.agent_pool_size
  }
  const limit = (host: string) => learned.get(host) ?? most(host)
  return {
    limit,
    record(host, sample) {
      const next = aimd(limit(host), sample, hostAimd(most(host)))
      // Only what was learned is kept: hosts come and go.
      if (next === most(host)) learned.delete(host)
      else learned.set(host, next)
    },
    hosts: () => [...learned].map(([host, each]) => ({ host, limit: each })),
  }
}
