import { statfs } from 'node:fs/promises'
import { z } from 'zod'
import { excerpt, type Failure, ok } from '../failure.ts'
import type { AgentView } from '../fleet/fleet.ts'
import type { HostInfo } from '../models/model-gateway.ts'
import { examineDefinition } from './checked-definition.ts'
import { defineOperation } from './define-operation.ts'
import type { OperationContext } from './operation.ts'

const finding = z.strictObject({
  id: z.string().meta({ description: 'Stable: the same cause on the same thing has the same id' }),
  severity: z.enum(['error', 'warning', 'info']),
  title: z.string(),
  evidence: z.string(),
  remedy: z.string(),
})
type Finding = z.output<typeof finding>

/** Subjects of the examination; each gives a line on what was seen, and findings. */
type Examined = { subject: string; detail: string; findings: Finding[] }

const REFRESH_MS = 10_000
const GB = 1_000_000_000
const LEAST_FREE_BYTES = 0.2 * GB
const LOW_FREE_BYTES = 1 * GB

export const doctor = defineOperation({
  name: 'doctor',
  method: 'GET',
  path: '/doctor',
  summary: 'Examines the deployment; each finding with evidence and remedy',
  needs: 'system:read',
  input: z.strictObject({}),
  output: z.strictObject({
    status: z.enum(['healthy', 'degraded', 'broken']),
    examined: z.array(z.strictObject({ subject: z.string(), detail: z.string() })),
    findings: z.array(finding),
  }),
  run: async (context) => {
    const signal = AbortSignal.any([context.signal, AbortSignal.timeout(REFRESH_MS)])
    const [agents, hosts] = await Promise.all([context.fleet.list(), context.gateway.hosts({ refresh: true, signal })])
    const examined = await Promise.all([
      engine(context),
      store(context),
      disk(context.configuration.data_dir),
      models(context, hosts),
      fleet(agents),
      queue(context),
      definitions(context),
    ])
    const findings = examined.flatMap((each) => each.findings)
    const worst = (severity: Finding['severity']) => findings.some((each) => each.severity === severity)
    return ok({
      status: worst('error') ? ('broken' as const) : worst('warning') ? ('degraded' as const) : ('healthy' as const),
      examined: examined.map(({ subject, detail }) => ({ subject, detail })),
      findings,
    })
  },
})

async function engine({ runs }: OperationContext): Promise<Examined> {
  const { ok: up, detail } = await runs.engine()
  const down: Finding = {
    id: 'engine_down',
    severity: 'error',
    title: 'The engine does not answer',
    evidence: detail,
    remedy: 'Runs go on when it is back; it is restarted by itself. If it stays away, the log says why.',
  }
  return { subject: 'engine', detail, findings: up ? [] : [down] }
}

async function store({ store: { health } }: OperationContext): Promise<Examined> {
  const { ok: up, detail, kind, size_bytes } = await health()
  const broken: Finding = {
    id: 'store_broken',
    severity: 'error',
    title: 'The store cannot work',
    evidence: detail,
    remedy: 'Check the disk and the permissions of the data directory; restore a backup if the file is damaged.',
  }
  const size = size_bytes === null ? '' : `, ${megabytes(size_bytes)}`
  return { subject: 'store', detail: `${kind}${size}: ${detail}`, findings: up ? [] : [broken] }
}

async function disk(dir: string): Promise<Examined> {
  try {
    const { bavail, bsize, blocks } = await statfs(dir)
    const free = bavail * bsize
    const low: Finding = {
      id: 'disk_low',
      severity: free < LEAST_FREE_BYTES ? 'error' : 'warning',
      title: 'The disk of the data directory is nearly full',
      evidence: `${megabytes(free)} of ${megabytes(blocks * bsize)} are free at ${dir}`,
      remedy: 'Free some space, or move the data directory (--data DIR). Runs stop when nothing can be stored.',
    }
    return { subject: 'disk', detail: `${megabytes(free)} free`, findings: free < LOW_FREE_BYTES ? [low] : [] }
  } catch (error) {
    const detail = error instanceof Error ? error.message : String(error)
    const unknown: Finding = {
      id: 'disk_unknown',
      severity: 'warning',
      title: 'Free disk space cannot be told',
      evidence: detail,
      remedy: 'Check that the data directory exists.',
    }
    return { subject: 'disk', detail, findings: [unknown] }
  }
}

async function models({ gateway }: OperationContext, hosts: HostInfo[]): Promise<Examined> {
  const chosen = gateway.default_model()
  const findings: Finding[] = hosts
    .filter((host) => !host.ok)
    .map((host) => ({
      id: `model_host_down:${host.name}`,
      severity: 'warning',
      title: `Model host ${host.name} does not answer`,
      evidence: `${host.address}: ${host.detail}`,
      remedy: 'Start it, or correct its address in the configuration.',
    }))
  if (chosen.id === null) {
    findings.push({
      id: 'model_missing',
      severity: 'warning',
      title: 'There is no model for planning and judging',
      evidence: chosen.reason,
      remedy:
        'Start a model server (OLLAMA_BASE_URL) or let the local model be fetched; until then plans come from templates.',
    })
  }
  const count = hosts.reduce((n, host) => n + host.models.length, 0)
  return { subject: 'models', detail: `${count} on ${hosts.length} hosts, default ${chosen.id ?? 'none'}`, findings }
}

async function fleet(agents: AgentView[]): Promise<Examined> {
  const findings: Finding[] = []
  for (const agent of agents) {
    if (agent.status === 'offline' || agent.status === 'degraded') {
      findings.push({
        id: `agent_${agent.status}:${agent.name}`,
        severity: 'warning',
        title: `Agent ${agent.name} is ${agent.status}`,
        evidence:
          agent.health?.detail ??
          `breaker ${agent.breaker.state}, failure rate ${agent.breaker.failure_rate ?? 'unknown'}`,
        remedy: `POST /agents/${agent.name}/probe checks it again; correct its settings, or drain it.`,
      })
    }
    const model = agent.settings.model
    const offered = agent.health?.models
    if (typeof model === 'string' && offered !== undefined && offered.length > 0 && !offered.includes(model)) {
      findings.push({
        id: `agent_model_missing:${agent.name}`,
        severity: 'warning',
        title: `Agent ${agent.name} asks for a model that its host does not have`,
        evidence: `${model} is not among ${excerpt(offered.join(', '), 200)}`,
        remedy: 'Fetch the model on that host, or give the agent another one.',
      })
    }
  }
  const working = agents.filter((agent) => agent.status === 'idle' || agent.status === 'busy')
  if (working.length === 0) {
    findings.push({
      id: 'no_agents',
      severity: 'error',
      title: 'No agent can work',
      evidence: `${agents.length} agents are known, none is idle or busy`,
      remedy: 'See the findings for each agent, or add one with POST /agents.',
    })
  }
  return { subject: 'agents', detail: `${working.length} of ${agents.length} can work`, findings }
}

async function queue({ runs, configuration }: OperationContext): Promise<Examined> {
  const { executing, queued, limit } = runs.queue()
  const most = configuration.limits.queued_runs
  const long: Finding = {
    id: 'queue_long',
    severity: 'warning',
    title: 'The queue of runs is nearly full',
    evidence: `${queued} of ${most} places are taken, ${executing} of ${limit} runs execute`,
    remedy: 'Raise MAX_PARALLEL_WORKFLOWS if the machine has room, cancel runs that are not needed, or wait.',
  }
  return {
    subject: 'queue',
    detail: `${executing} of ${limit} execute, ${queued} wait`,
    findings: queued > 0.8 * most ? [long] : [],
  }
}

/** Definitions that are looked at, the latest of each, and findings on them that are listed. */
const MOST_DEFINITIONS = 100
const MOST_LISTED = 30

/** Stored definitions against the agents and definitions of today: what was right when it was stored may be no more. */
async function definitions(context: OperationContext): Promise<Examined> {
  const stored = context.store.definitions
  const page = await stored.list({ limit: MOST_DEFINITIONS })
  const findings: Finding[] = []
  for (const { hash, name, version } of page.items) {
    const found = await stored.get(hash)
    if (found === null) continue
    const checked = await examineDefinition(context, found.definition)
    const say = (severity: 'warning' | 'info', { message, field = '', remedy = '' }: Failure): Finding => ({
      id: `definition:${name}@${version}:${field}`,
      severity,
      title:
        severity === 'warning' ? `${name}@${version} cannot run as it stands` : `${name}@${version} can be made safer`,
      evidence: excerpt(`${field}: ${message}`, 300),
      remedy,
    })
    if (!checked.ok) findings.push(...checked.problems.map((problem) => say('warning', problem)))
    findings.push(...checked.warnings.map((warning) => say('info', warning)))
  }
  return {
    subject: 'definitions',
    detail: `${page.total ?? page.items.length} stored, ${findings.length} findings`,
    findings: findings
      .sort((a, b) => Number(a.severity === 'info') - Number(b.severity === 'info'))
      .slice(0, MOST_LISTED),
  }
}

const megabytes = (bytes: number): string =>
  bytes >= GB ? `${(bytes / GB).toFixed(1)} GB` : `${Math.round(bytes / 1_000_000)} MB`
