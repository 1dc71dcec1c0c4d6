/** Calls operations over HTTP. Types are those of the operations themselves; routes were taken from them by the build. */
import type { Failure } from '../../../src/failure.ts'
import type { add_agent } from '../../../src/operations/add_agent.ts'
import type { agent_history } from '../../../src/operations/agent_history.ts'
import type { answer_approval } from '../../../src/operations/answer_approval.ts'
import type { cancel_run } from '../../../src/operations/cancel_run.ts'
import type { cancel_try } from '../../../src/operations/cancel_try.ts'
import type { check_definition } from '../../../src/operations/check_definition.ts'
import type { compare_runs } from '../../../src/operations/compare_runs.ts'
import type { configuration } from '../../../src/operations/configuration.ts'
import type { create_key } from '../../../src/operations/create_key.ts'
import type { create_swarm } from '../../../src/operations/create_swarm.ts'
import type { create_workflow } from '../../../src/operations/create_workflow.ts'
import type { Typed } from '../../../src/operations/define-operation.ts'
import type { definition_schema } from '../../../src/operations/definition_schema.ts'
import type { diff_definitions } from '../../../src/operations/diff_definitions.ts'
import type { doctor } from '../../../src/operations/doctor.ts'
import type { drain_agent } from '../../../src/operations/drain_agent.ts'
import type { fork_run } from '../../../src/operations/fork_run.ts'
import type { get_blob } from '../../../src/operations/get_blob.ts'
import type { get_definition } from '../../../src/operations/get_definition.ts'
import type { get_run } from '../../../src/operations/get_run.ts'
import type { get_run_events } from '../../../src/operations/get_run_events.ts'
import type { get_task } from '../../../src/operations/get_task.ts'
import type { get_try } from '../../../src/operations/get_try.ts'
import type { intelligence_metrics } from '../../../src/operations/intelligence_metrics.ts'
import type { list_agents } from '../../../src/operations/list_agents.ts'
import type { list_definitions } from '../../../src/operations/list_definitions.ts'
import type { list_keys } from '../../../src/operations/list_keys.ts'
import type { list_models } from '../../../src/operations/list_models.ts'
import type { list_questions } from '../../../src/operations/list_questions.ts'
import type { list_runs } from '../../../src/operations/list_runs.ts'
import type { list_templates } from '../../../src/operations/list_templates.ts'
import type { list_tries } from '../../../src/operations/list_tries.ts'
import type { list_versions } from '../../../src/operations/list_versions.ts'
import type { live } from '../../../src/operations/live.ts'
import type { metrics_over_time } from '../../../src/operations/metrics_over_time.ts'
import type { orchestration_status } from '../../../src/operations/orchestration_status.ts'
import type { pause_run } from '../../../src/operations/pause_run.ts'
import type { plan } from '../../../src/operations/plan.ts'
import type { probe_agent } from '../../../src/operations/probe_agent.ts'
import type { put_definition } from '../../../src/operations/put_definition.ts'
import type { remove_agent } from '../../../src/operations/remove_agent.ts'
import type { replay_run } from '../../../src/operations/replay_run.ts'
import type { resolve_effect } from '../../../src/operations/resolve_effect.ts'
import type { restore_definition } from '../../../src/operations/restore_definition.ts'
import type { resume_run } from '../../../src/operations/resume_run.ts'
import type { retry_run } from '../../../src/operations/retry_run.ts'
import type { revoke_key } from '../../../src/operations/revoke_key.ts'
import type { save_as_template } from '../../../src/operations/save_as_template.ts'
import type { signal_run } from '../../../src/operations/signal_run.ts'
import type { try_agent } from '../../../src/operations/try_agent.ts'
import { addressOf } from './address.ts'
import { takeEarly } from './early.ts'
import { signedOut } from './signed-out.ts'

type Operations = {
  add_agent: typeof add_agent
  agent_history: typeof agent_history
  answer_approval: typeof answer_approval
  cancel_run: typeof cancel_run
  cancel_try: typeof cancel_try
  check_definition: typeof check_definition
  compare_runs: typeof compare_runs
  configuration: typeof configuration
  create_key: typeof create_key
  create_swarm: typeof create_swarm
  create_workflow: typeof create_workflow
  definition_schema: typeof definition_schema
  diff_definitions: typeof diff_definitions
  doctor: typeof doctor
  drain_agent: typeof drain_agent
  fork_run: typeof fork_run
  get_blob: typeof get_blob
  get_definition: typeof get_definition
  get_run: typeof get_run
  get_run_events: typeof get_run_events
  get_task: typeof get_task
  get_try: typeof get_try
  intelligence_metrics: typeof intelligence_metrics
  list_agents: typeof list_agents
  list_definitions: typeof list_definitions
  list_keys: typeof list_keys
  list_models: typeof list_models
  list_questions: typeof list_questions
  list_runs: typeof list_runs
  list_templates: typeof list_templates
  list_tries: typeof list_tries
  list_versions: typeof list_versions
  live: typeof live
  metrics_over_time: typeof metrics_over_time
  orchestration_status: typeof orchestration_status
  pause_run: typeof pause_run
  plan: typeof plan
  probe_agent: typeof probe_agent
  put_definition: typeof put_definition
  remove_agent: typeof remove_agent
  replay_run: typeof replay_run
  resolve_effect: typeof resolve_effect
  restore_definition: typeof restore_definition
  resume_run: typeof resume_run
  retry_run: typeof retry_run
  revoke_key: typeof revoke_key
  save_as_template: typeof save_as_template
  signal_run: typeof signal_run
  try_agent: typeof try_agent
}
export type OperationName = keyof Operations
type TypesOf<O> = O extends Typed<infer Input, infer Output> ? { input: Input; output: Output } : never
export type Input<N extends OperationName> = TypesOf<Operations[N]>['input']
export type Output<N extends OperationName> = TypesOf<Operations[N]>['output']

/** What the server said no with, or what kept it from answering. */
export class RequestFailed extends Error {
  readonly failure: Omit<Failure, 'kind'>
  readonly status: number
  constructor(failure: Omit<Failure, 'kind'>, status: number) {
    super(failure.message)
    this.failure = failure
    this.status = status
  }
}

export async function call<N extends OperationName>(
  name: N,
  input: Input<N>,
  options: { signal?: AbortSignal; key?: string } = {},
): Promise<Output<N>> {
  const { method, address, body } = addressOf(name, input)
  return send<Output<N>>(method, address, { ...options, ...(body !== undefined && { body }) })
}

/** `key`: an Idempotency-Key. Rejects with {@link RequestFailed}. */
export async function send<T>(
  method: string,
  address: string,
  options: { body?: object; signal?: AbortSignal; key?: string } = {},
): Promise<T> {
  const headers: Record<string, string> = { accept: 'application/json' }
  if (options.body !== undefined) headers['content-type'] = 'application/json'
  if (options.key !== undefined) headers['idempotency-key'] = options.key
  const answer =
    (method === 'GET' ? takeEarly(address) : null) ??
    fetch(address, {
      method,
      headers,
      ...(options.body !== undefined && { body: JSON.stringify(options.body) }),
      ...(options.signal && { signal: options.signal }),
    })
  const response = await answer.catch((error: unknown) => {
    if (options.signal?.aborted) throw error
    throw new RequestFailed(
      {
        message: 'Quorate does not answer',
        remedy: 'It is tried again by itself; see whether the program still runs.',
      },
      0,
    )
  })
  const body = (await response.json().catch(() => null)) as unknown
  if (response.ok) return body as T
  if (response.status === 401) signedOut.set(true)
  const problem = (body ?? {}) as { title?: string; detail?: string } & Partial<Failure>
  const { detail, title, remedy, field, value, problems, line, column } = problem
  throw new RequestFailed(
    {
      message: detail ?? title ?? `the server answered ${response.status}`,
      ...(remedy !== undefined && { remedy }),
      ...(field !== undefined && { field }),
      ...(value !== undefined && { value }),
      ...(problems !== undefined && { problems }),
      ...(line !== undefined && { line }),
      ...(column !== undefined && { column }),
    },
    response.status,
  )
}
