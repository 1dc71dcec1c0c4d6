/**
 * What a swarm's run records, as rounds that a person can follow. Nothing is made up: what no event tells (weights,
 * correlation between voters) is not here.
 */
import type { Definition } from '../../../src/workflow/definition.ts'
import type { Run } from '../server/queries.ts'

type Stage = Run['stages'][number]
type Task = Stage['tasks'][number]
export type Contribution = {
  address: string
  member: string
  agent: string | null
  model: string | null
  state: Task['state']
  /** What it was told to look for; the definition has it. */
  angle: string | null
  /** Names of what it was shown. */
  saw: string[]
  output: unknown
  tokens: number | null
}
export type Ballot = {
  address: string
  voter: string
  agent: string | null
  model: string | null
  choice: string | null
  reason: string | null
  state: Task['state']
}
export type Tally = { option: string; votes: number; share: number }
export type Round =
  | { kind: 'propose'; stage: Stage; saw: string[]; contributions: Contribution[] }
  | {
      kind: 'vote'
      stage: Stage
      saw: string[]
      ballots: Ballot[]
      tally: Tally[]
      /** Ballots that nobody waited for any more, because they could not change the outcome. Null while it is open. */
      called_off: number | null
    }

type Defined = Definition['stages'][number]

export function swarmRounds(run: Run, definition: Definition | undefined): Round[] {
  const defined = new Map(definition?.stages.map((stage) => [stage.id, stage]))
  return run.stages.flatMap((stage): Round[] => {
    const spec = defined.get(stage.id)
    if (stage.kind === 'vote') return [voteRound(stage, spec)]
    if (stage.kind !== 'tasks') return []
    const tasks = new Map(spec?.kind === 'tasks' ? spec.tasks.map((task) => [task.id, task]) : [])
    const contributions = stage.tasks.map((task) => {
      const told = tasks.get(task.id)
      return {
        address: task.address,
        member: task.id,
        agent: task.agent,
        model: task.model,
        state: task.state,
        angle: told?.instructions ?? null,
        saw: sawOf(told?.input),
        output: task.output,
        tokens:
          task.input_tokens === null || task.output_tokens === null ? null : task.input_tokens + task.output_tokens,
      }
    })
    withoutAlike(contributions)
    return [{ kind: 'propose', stage, saw: [...new Set(contributions.flatMap((one) => one.saw))], contributions }]
  })
}

function voteRound(stage: Stage, spec: Defined | undefined): Round {
  const ballots = stage.tasks.map((task): Ballot => {
    const answer = (typeof task.output === 'object' && task.output !== null ? task.output : {}) as { reason?: unknown }
    return {
      address: task.address,
      voter: task.id,
      agent: task.agent,
      model: task.model,
      choice: task.ballot,
      reason: typeof answer.reason === 'string' ? answer.reason : null,
      state: task.state,
    }
  })
  const { vote } = stage
  return {
    kind: 'vote',
    stage,
    saw: sawOf(spec?.kind === 'vote' ? spec.input : undefined),
    ballots,
    tally: Object.entries(vote?.counts ?? {})
      .map(([option, votes]) => ({ option, votes, share: vote?.shares[option] ?? 0 }))
      .sort((a, b) => b.votes - a.votes || (a.option < b.option ? -1 : 1)),
    called_off: vote === null || vote === undefined ? null : Math.max(0, vote.eligible - vote.valid - vote.invalid),
  }
}

/** `=inputs.goal` is the objective, `=propose.outputs` what a stage made, `=choose.winner` what a vote chose. */
function sawOf(input: { [name: string]: unknown } | undefined): string[] {
  return Object.values(input ?? {}).map((value) => {
    const [, stage, field] = /^=([a-z_0-9]+)\.([a-z_0-9]+)$/.exec(String(value)) ?? []
    if (stage === undefined || field === undefined) return 'a value of its own'
    if (stage === 'inputs') return field === 'goal' ? 'the objective' : `input ${field}`
    return field === 'outputs' ? `all answers of ${stage}` : `the ${field} of ${stage}`
  })
}

/** What all are told alike says nothing of one of them: the sentences at the beginning and the end that all share go. */
function withoutAlike(contributions: Contribution[]): void {
  const told = contributions.map(({ angle }) => angle?.split(/(?<=[.!?])\s+/) ?? [])
  const [first] = told
  if (first === undefined || told.length < 2) return
  const alike = (at: number) =>
    told.every((sentences) => sentences.at(at) === first.at(at) && sentences.length > Math.abs(at))
  let begin = 0
  while (alike(begin)) begin++
  let end = 0
  while (alike(-end - 1) && begin + end < first.length) end++
  for (const [i, sentences] of told.entries()) {
    const own = sentences.slice(begin, sentences.length - end).join(' ')
    const of = contributions[i]
    if (of !== undefined && own !== '') of.angle = own
  }
}
