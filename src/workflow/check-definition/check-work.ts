/** Who does the work and what may go wrong with it: agents, capabilities, effects, answers to failure. */
import type { Definition, EffectClass, Stage, Task } from '../definition.ts'
import { holdsReference, LOOKS_LIKE_A_REFERENCE } from '../value.ts'
import { checkBudget } from './check-budget.ts'
import { checkOutputSchema } from './check-output-schema.ts'
import type { Level } from './levels.ts'
import { suggestion } from './nearest.ts'
import type { Findings, Path } from './problems.ts'

/** What is installed. A list that is absent is not checked against. */
export type WorkContext = { agents?: readonly string[] | undefined; capabilities?: readonly string[] | undefined }

export function checkWork(definition: Definition, levels: Level[], context: WorkContext, findings: Findings): void {
  const check = new WorkCheck(context, findings)
  for (const level of levels) for (const [i, stage] of level.stages.entries()) check.stage(stage, [...level.path, i])
  for (const level of levels) compensations(level, findings)
  if (definition.budget?.close_out)
    check.performer(definition.budget.close_out, ['budget', 'close_out'], 'the close-out')
  checkBudget(definition, levels, findings)
  unanswered(levels, findings)
  for (const field of ['feedback', 'success'] as const) {
    const seen = new Set<string>()
    for (const [i, { id }] of (definition[field] ?? []).entries()) {
      if (seen.has(id))
        findings.problem([field, i, 'id'], `two entries of ${field} are called "${id}"`, {
          remedy: 'Give each a name of its own.',
          value: id,
        })
      seen.add(id)
    }
  }
  inputDefaults(definition, findings)
}

class WorkCheck {
  readonly #agents: Set<string> | null
  readonly #capabilities: Set<string> | null
  readonly #findings: Findings

  constructor(context: WorkContext, findings: Findings) {
    this.#agents = context.agents ? new Set(context.agents) : null
    this.#capabilities = context.capabilities ? new Set(context.capabilities) : null
    this.#findings = findings
  }

  stage(stage: Stage, path: Path): void {
    if (stage.kind === 'tasks') {
      const seen = new Set<string>()
      for (const [i, task] of stage.tasks.entries()) {
        const at = [...path, 'tasks', i]
        if (seen.has(task.id))
          this.#findings.problem([...at, 'id'], `two tasks of stage "${stage.id}" are called "${task.id}"`, {
            remedy: 'Give each task of a stage a name of its own.',
            value: task.id,
          })
        seen.add(task.id)
        this.#task(task, at)
      }
      if (stage.min_success !== undefined && stage.min_success > stage.tasks.length)
        this.#findings.problem(
          [...path, 'min_success'],
          `min_success is ${stage.min_success}, and the stage has ${stage.tasks.length} task${stage.tasks.length === 1 ? '' : 's'}`,
          { remedy: `Write at most ${stage.tasks.length}.`, value: stage.min_success },
        )
    } else if (stage.kind === 'vote') {
      for (const [i, option] of stage.options.entries())
        if (stage.options.indexOf(option) !== i)
          this.#findings.problem([...path, 'options', i], `the option "${option}" stands there twice`, {
            remedy: 'Remove one.',
            value: option,
          })
      if (Array.isArray(stage.voters)) {
        if (stage.capability !== undefined)
          this.#findings.problem([...path, 'capability'], 'voters are listed by name, so a capability chooses nobody', {
            remedy: 'Keep one: a list of voters, or a number of them with a capability.',
            at: 'key',
          })
        for (const [i, voter] of stage.voters.entries()) {
          this.#agent(voter, [...path, 'voters', i])
          if (stage.voters.indexOf(voter) !== i)
            this.#findings.problem([...path, 'voters', i], `"${voter}" votes twice`, {
              remedy: 'Remove one.',
              value: voter,
            })
        }
      }
      if (stage.capability !== undefined) this.#capability(stage.capability, [...path, 'capability'])
    }
  }

  #task(task: Task, path: Path): void {
    this.performer(task, path, `task "${task.id}"`)
    if (task.output_schema) checkOutputSchema(task.output_schema, [...path, 'output_schema'], this.#findings)
    for (const [i, agent] of (task.fallback ?? []).entries()) this.#agent(agent, [...path, 'fallback', i])
    if (task.compensate) this.performer(task.compensate, [...path, 'compensate'], `the compensation of "${task.id}"`)
    if (task.effect === 'unsafe' && (task.attempts ?? 1) > 1)
      this.#findings.warn(
        [...path, 'attempts'],
        `task "${task.id}" has an unsafe effect and ${task.attempts} attempts: it may happen more than once`,
        {
          remedy: 'Write attempts: 1, or an effect that may be repeated (idempotent, reconcilable, repeatable).',
          value: task.attempts,
        },
      )
  }

  performer(work: { agent?: string | undefined; capability?: string | undefined }, path: Path, what: string): void {
    if (work.agent !== undefined && work.capability !== undefined)
      this.#findings.problem([...path, 'capability'], `${what} names both an agent and a capability`, {
        remedy: 'Keep one: agent for this very one, capability for any that can.',
        at: 'key',
      })
    if (work.agent === undefined && work.capability === undefined)
      this.#findings.problem(path, `${what} names neither an agent nor a capability`, {
        remedy: 'Add agent: name, or capability: what it must be able to do.',
      })
    if (work.agent !== undefined) this.#agent(work.agent, [...path, 'agent'])
    if (work.capability !== undefined) this.#capability(work.capability, [...path, 'capability'])
  }

  #agent(name: string, path: Path): void {
    if (this.#agents && !this.#agents.has(name))
      this.#findings.problem(path, `unknown agent "${name}"`, {
        remedy: () => suggestion(name, [...(this.#agents ?? [])], 'agent'),
        value: name,
        kind: 'not_found',
      })
  }

  #capability(name: string, path: Path): void {
    if (this.#capabilities && !this.#capabilities.has(name))
      this.#findings.problem(path, `no agent has the capability "${name}"`, {
        remedy: () => suggestion(name, [...(this.#capabilities ?? [])], 'capability'),
        value: name,
        kind: 'not_found',
      })
  }
}

/** Stages that say nothing about failure: one warning for all of them, at the first. */
function unanswered(levels: Level[], findings: Findings): void {
  const names: string[] = []
  let first: Path | null = null
  for (const level of levels)
    for (const [i, stage] of level.stages.entries()) {
      if (!failsTheRun(stage) || ('on_failure' in stage && stage.on_failure !== undefined)) continue
      names.push(stage.id)
      first ??= [...level.path, i]
    }
  if (first === null) return
  const shown = `${names
    .slice(0, 5)
    .map((name) => `"${name}"`)
    .join(', ')}${names.length > 5 ? ` and ${names.length - 5} more` : ''}`
  findings.warn(
    first,
    `${shown} ${names.length === 1 ? 'has' : 'have'} no answer to failure: the run fails when ${names.length === 1 ? 'it fails' : 'one of them fails'}`,
    {
      remedy: 'Say what is meant: on_failure: fail, continue, or { then: stage }.',
    },
  )
}

/** True for stages that can fail, and whose failure nothing catches. */
const failsTheRun = (stage: Stage): boolean =>
  stage.kind !== 'decide' && stage.kind !== 'timer' && (stage.on_failure ?? 'fail') === 'fail'

const leavesTraces: ReadonlySet<EffectClass> = new Set(['idempotent', 'reconcilable', 'repeatable', 'unsafe'])

/** Effects that stay behind when a later stage fails the run and nothing undoes them. */
function compensations(level: Level, findings: Findings): void {
  let failing: string | null = null
  for (const id of [...level.graph.order].reverse()) {
    const stage = level.graph.stages.get(id) as Stage
    if (stage.kind === 'tasks' && failing !== null)
      for (const [i, task] of stage.tasks.entries())
        if (task.effect !== undefined && leavesTraces.has(task.effect) && task.compensate === undefined)
          findings.warn(
            [...level.path, level.index.get(id) ?? 0, 'tasks', i],
            `the effect of task "${task.id}" (${task.effect}) stays when "${failing}" fails later: it has no compensation`,
            {
              remedy: 'Add compensate: who undoes it, and how; or make the later stage continue on failure.',
              value: task.effect,
            },
          )
    if (failsTheRun(stage)) failing = id
  }
}

const typeOf = { text: 'string', number: 'number', boolean: 'boolean' } as const

function inputDefaults(definition: Definition, findings: Findings): void {
  for (const [name, input] of Object.entries(definition.inputs ?? {})) {
    const value = input.default
    if (value !== undefined && holdsReference(value))
      findings.problem(['inputs', name, 'default'], LOOKS_LIKE_A_REFERENCE, {
        remedy: 'Write the value itself.',
        value,
      })
    if (value === undefined || value === null || input.type === 'any') continue
    const fits =
      input.type === 'list'
        ? Array.isArray(value)
        : input.type === 'object'
          ? typeof value === 'object' && !Array.isArray(value)
          : typeof value === typeOf[input.type]
    if (!fits)
      findings.problem(['inputs', name, 'default'], `the default of input "${name}" is no ${input.type}`, {
        remedy: `Write a ${input.type}, or change the type.`,
        value,
      })
  }
}
