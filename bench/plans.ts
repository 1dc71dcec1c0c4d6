/**
 * How well each model that can be reached turns goals into definitions.
 *
 *     npm run bench -- plans [--goals N] [--model NAME] [--show]
 *
 * Measured: for each goal of `goals.ts`, with the agents that come with Quorate, whether the plan passes every check at
 * once, after one repair, after two, or not at all, so that a template is taken; seconds and tokens over all tries of a
 * goal; how often each kind of stage and each capability was chosen. `--goals N` takes every so manieth goal, so that a
 * sample has all sorts. `--show` prints each definition.
 * Not measured: whether a plan is a good one. Seconds are of this machine with whatever else runs on it.
 */
import { parseArgs } from 'node:util'
import { defaultAgents } from '../src/agents/default-agents.ts'
import { loadConfiguration } from '../src/configuration/load-configuration.ts'
import { resolveSecret } from '../src/configuration/secrets.ts'
import { openGateway } from '../src/models/gateway.ts'
import type { ModelGateway } from '../src/models/model-gateway.ts'
import type { PlanProposal } from '../src/planning/planner.ts'
import { openPlanner } from '../src/planning/propose-plan.ts'
import { templates } from '../src/planning/templates.ts'
import { checkDefinition } from '../src/workflow/check-definition/check-definition.ts'
import { type Definition, type Stage, stageKinds } from '../src/workflow/definition.ts'
import { goals } from './goals.ts'

/** The reducer's: one plan and two repairs. */
const TRIES = 3
const { values: flags } = parseArgs({
  options: { goals: { type: 'string' }, model: { type: 'string' }, show: { type: 'boolean' } },
})
const sample = Math.min(goals.length, Math.max(1, Number(flags.goals ?? goals.length)))
const chosen = Array.from({ length: sample }, (_, i) => goals[Math.floor((i * goals.length) / sample)] as string)

const loaded = loadConfiguration({ flags: {}, cwd: process.cwd() })
if (!loaded.ok) throw new Error(loaded.failure.message)
const quiet = () => {}
const gateway = await openGateway({
  configuration: loaded.value,
  logger: { debug: quiet, info: quiet, warn: quiet, error: (_, message) => console.error(message) },
  fetch,
  guarded_fetch: fetch,
  secret: (reference) => resolveSecret(reference),
})

const capabilities: { [capability: string]: number } = {}
for (const agent of defaultAgents) for (const id of agent.capabilities) capabilities[id] = (capabilities[id] ?? 0) + 1
const check = (definition: Definition) => {
  const checked = checkDefinition(definition, { capabilities: Object.keys(capabilities) })
  return checked.ok ? [] : checked.problems
}

type Outcome = {
  goal: string
  tries: PlanProposal[]
  definition: Definition | null
  template: boolean
  seconds: number
  tokens: number | null
}

async function plan(on: ModelGateway, goal: string): Promise<Outcome> {
  const planner = openPlanner({
    gateway: on,
    check,
    now: () => performance.now(),
    definitions: () => templates().map(({ name }) => name),
  })
  const tries: PlanProposal[] = []
  const propose = async (template: boolean) => {
    const before = tries.at(-1)
    const problems =
      before === undefined ? [] : before.failure === undefined ? before.problems : [before.failure.message]
    const request = { run: 'bench', goal, inputs: [], problems, attempt: tries.length + 1, template, capabilities }
    const proposal = await planner.propose(request, AbortSignal.timeout(300_000))
    tries.push(proposal)
    return proposal
  }
  for (let attempt = 1; attempt <= TRIES; attempt++) {
    const proposal = await propose(false)
    if (proposal.definition !== null) return outcome(goal, tries, proposal.definition, false)
    if (proposal.failure !== undefined) break
  }
  return outcome(goal, tries, (await propose(true)).definition, true)
}

function outcome(goal: string, tries: PlanProposal[], definition: Definition | null, template: boolean): Outcome {
  const counts = tries.map(({ usage }) =>
    usage.output_tokens === null ? null : (usage.input_tokens ?? 0) + usage.output_tokens,
  )
  const tokens = counts.includes(null) ? null : counts.reduce<number>((sum, n) => sum + (n ?? 0), 0)
  return {
    goal,
    tries,
    definition,
    template,
    tokens,
    seconds: tries.reduce((sum, { duration_ms }) => sum + duration_ms, 0) / 1000,
  }
}

function median(values: number[]): string {
  const sorted = values.toSorted((a, b) => a - b)
  return sorted.length === 0 ? '–' : (sorted[Math.floor((sorted.length - 1) / 2)] as number).toFixed(1)
}

function* within(stages: readonly Stage[]): Generator<Stage> {
  for (const stage of stages) {
    yield stage
    if ('stages' in stage) yield* within(stage.stages)
  }
}

function tally(names: string[], known: readonly string[]): string {
  const counts = new Map(known.map((name) => [name, 0]))
  for (const name of names) counts.set(name, (counts.get(name) ?? 0) + 1)
  return [...counts]
    .sort(([, a], [, b]) => b - a)
    .map(([name, n]) => `${name} ${n}`)
    .join(', ')
}

function report(model: string, outcomes: Outcome[]): string[] {
  const planned = outcomes.filter(({ template }) => !template)
  const after = (n: number) => planned.filter(({ tries }) => tries.length === n).length
  const fallen = outcomes.filter(({ template, definition }) => template && definition !== null).length
  const tokens = outcomes.flatMap((one) => one.tokens ?? [])
  const one = planned.flatMap(({ tries }) =>
    tries.length === 1 ? [(tries[0] as PlanProposal).duration_ms / 1000] : [],
  )
  console.log(
    `| ${model} | ${outcomes.length} | ${after(1)} | ${after(2)} | ${after(3)} | ${fallen} | ${outcomes.length - planned.length - fallen} | ${median(outcomes.map(({ seconds }) => seconds))} | ${median(one)} | ${median(tokens)} |`,
  )
  const stages = planned.flatMap(({ definition }) => [...within(definition?.stages ?? [])])
  const work = stages.flatMap((stage) =>
    stage.kind === 'tasks'
      ? stage.tasks.map(({ capability }) => capability ?? '')
      : stage.kind === 'vote'
        ? [stage.capability ?? '']
        : [],
  )
  const problems = outcomes.flatMap(({ tries }) =>
    tries
      .filter(({ source, definition }) => source === 'model' && definition === null)
      .flatMap(({ problems }) => problems),
  )
  return [
    `\n${model}`,
    `- kinds of stages: ${tally(
      stages.map(({ kind }) => kind),
      stageKinds,
    )}`,
    `- capabilities: ${tally(work, Object.keys(capabilities))}`,
    `- why plans were refused: ${tally(
      problems.map((problem) => problem.replace(/\d+/g, 'N')),
      [],
    )}`,
  ]
}

const found = (await gateway.hosts({ refresh: true })).flatMap(({ models }) => models.map(({ id }) => id))
const models: (string | null)[] = flags.model !== undefined ? [flags.model] : found.length > 0 ? found : [null]
console.log(
  '| model | goals | valid at once | after 1 repair | after 2 | template | none | median s | median s at once | median tokens |',
)
console.log('| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |')
const details: string[] = []
for (const model of models) {
  const on: ModelGateway =
    model === null
      ? gateway
      : { ...gateway, complete: (request, options) => gateway.complete({ ...request, model }, options) }
  const outcomes: Outcome[] = []
  for (const goal of chosen) {
    const one = await plan(on, goal)
    outcomes.push(one)
    const how = one.template ? 'template' : one.tries.length === 1 ? 'at once' : `after ${one.tries.length - 1}`
    console.error(`${how}, ${one.seconds.toFixed(1)} s: ${goal}`)
    if (flags.show === true)
      for (const { raw, problems } of one.tries) console.error(JSON.stringify(raw), problems.join(' | '))
  }
  details.push(...report(outcomes[0]?.tries[0]?.model ?? model ?? 'default', outcomes))
}
console.log(details.join('\n'))
await gateway.close()
