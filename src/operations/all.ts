/** Every operation there is. HTTP, OpenAPI and the command line are made from this list. */
import { add_agent } from './add_agent.ts'
import { agent_history } from './agent_history.ts'
import { answer_approval } from './answer_approval.ts'
import { cancel_run } from './cancel_run.ts'
import { cancel_try } from './cancel_try.ts'
import { change_agent } from './change_agent.ts'
import { check_definition } from './check_definition.ts'
import { compare_runs } from './compare_runs.ts'
import { configuration } from './configuration.ts'
import { create_key } from './create_key.ts'
import { create_swarm } from './create_swarm.ts'
import { create_workflow } from './create_workflow.ts'
import { definition_schema } from './definition_schema.ts'
import { diff_definitions } from './diff_definitions.ts'
import { doctor } from './doctor.ts'
import { drain_agent } from './drain_agent.ts'
import { fork_run } from './fork_run.ts'
import { get_agent } from './get_agent.ts'
import { get_blob } from './get_blob.ts'
import { get_definition } from './get_definition.ts'
import { get_run } from './get_run.ts'
import { get_run_events } from './get_run_events.ts'
import { get_task } from './get_task.ts'
import { get_try } from './get_try.ts'
import { intelligence_metrics } from './intelligence_metrics.ts'
import { list_agents } from './list_agents.ts'
import { list_approvals } from './list_approvals.ts'
import { list_definitions } from './list_definitions.ts'
import { list_keys } from './list_keys.ts'
import { list_model_calls } from './list_model_calls.ts'
import { list_models } from './list_models.ts'
import { list_questions } from './list_questions.ts'
import { list_runs } from './list_runs.ts'
import { list_templates } from './list_templates.ts'
import { list_tries } from './list_tries.ts'
import { list_versions } from './list_versions.ts'
import { live } from './live.ts'
import { metrics_over_time } from './metrics_over_time.ts'
import type { Operation } from './operation.ts'
import { orchestration_status } from './orchestration_status.ts'
import { pause_run } from './pause_run.ts'
import { plan } from './plan.ts'
import { probe_agent } from './probe_agent.ts'
import { put_definition } from './put_definition.ts'
import { raise_budget } from './raise_budget.ts'
import { remove_agent } from './remove_agent.ts'
import { replay_run } from './replay_run.ts'
import { resolve_effect } from './resolve_effect.ts'
import { restore_definition } from './restore_definition.ts'
import { resume_run } from './resume_run.ts'
import { retry_run } from './retry_run.ts'
import { revoke_key } from './revoke_key.ts'
import { save_as_template } from './save_as_template.ts'
import { signal_run } from './signal_run.ts'
import { try_agent } from './try_agent.ts'
import { upgrade_runs } from './upgrade_runs.ts'

export const operations: readonly Operation[] = [
  create_workflow,
  create_swarm,
  orchestration_status,
  intelligence_metrics,
  metrics_over_time,
  list_runs,
  get_run,
  get_run_events,
  list_model_calls,
  get_task,
  live,
  cancel_run,
  pause_run,
  resume_run,
  signal_run,
  raise_budget,
  list_questions,
  list_approvals,
  answer_approval,
  resolve_effect,
  fork_run,
  retry_run,
  upgrade_runs,
  replay_run,
  compare_runs,
  save_as_template,
  list_agents,
  add_agent,
  get_agent,
  change_agent,
  drain_agent,
  remove_agent,
  probe_agent,
  agent_history,
  try_agent,
  list_tries,
  get_try,
  cancel_try,
  list_models,
  list_definitions,
  get_definition,
  put_definition,
  check_definition,
  list_versions,
  diff_definitions,
  restore_definition,
  plan,
  list_templates,
  definition_schema,
  get_blob,
  configuration,
  doctor,
  list_keys,
  create_key,
  revoke_key,
]
