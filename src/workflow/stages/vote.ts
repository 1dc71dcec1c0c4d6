/**
 * A question with options put to several agents; counted plurality with quorum and threshold. Voting stops as soon as
 * the ballots still out cannot change the outcome. Each ballot is enforced by schema at the model.
 */
import { DEFAULT_QUORUM, DEFAULT_THRESHOLD, isCertain, plurality, type VoteRules } from '../../consensus/plurality.ts'
import { fanOutDenied } from '../budget.ts'
import { deny } from '../call-budget.ts'
import type { VoteStage } from '../definition.ts'
import { durationText } from '../duration.ts'
import type { Metrics } from '../event.ts'
import type { RunState } from '../run-state.ts'
import { completeStage, failStage } from '../scope.ts'
import { callOffTasks, countTasks, startTask, type TaskSpec } from '../task-run.ts'
import type { Place, StageBehaviour, Turn } from '../turn.ts'

export const voteBehaviour: StageBehaviour<'vote'> = {
  start(turn, place) {
    const specs = ballotTasks(place.stage, turn.state.votes)
    const wide = fanOutDenied(turn, specs.length)
    if (wide !== null) return failStage(turn, place, deny(turn, place.address, wide))
    turn.stageState(place).open = specs.length
    for (const spec of specs) startTask(turn, place, spec)
  },

  taskSettled(turn, place) {
    const state = turn.stageState(place)
    const rules = rulesOf(place.stage, turn.state.votes)
    const ballots = Object.values(state.tasks ?? {}).flatMap((task) =>
      task.s === 'done' ? [task.ballot ?? null] : task.s === 'failed' ? [null] : [],
    )
    if (state.open === 0 || isCertain(ballots, rules)) closeVote(turn, place, ballots, rules)
  },
}

/** The tasks of a vote: one ballot for each voter. `usual`: what the configuration says of votes. */
export function ballotTasks(stage: VoteStage, usual: RunState['votes']): TaskSpec[] {
  const timeout = stage.timeout ?? (usual?.timeout_ms === undefined ? undefined : durationText(usual.timeout_ms))
  const voters = typeof stage.voters === 'number' ? Array.from({ length: stage.voters }, () => null) : stage.voters
  return voters.map((agent, i) => ({
    id: `voter_${i + 1}`,
    ...(agent === null ? {} : { agent }),
    ...(agent === null && stage.capability !== undefined ? { capability: stage.capability } : {}),
    instructions: `${stage.question}\nChoose exactly one of: ${stage.options.map((option) => JSON.stringify(option)).join(', ')}.`,
    ...(stage.input === undefined ? {} : { input: stage.input }),
    output_schema: {
      type: 'object',
      properties: { choice: { enum: [...stage.options] }, reason: { type: 'string', maxLength: 300 } },
      required: ['choice', 'reason'],
      additionalProperties: false,
    },
    ...(timeout === undefined ? {} : { timeout }),
    effect: 'pure',
    attempts: 2,
    max_output_tokens: 200,
  }))
}

const rulesOf = (stage: VoteStage, usual: RunState['votes']): VoteRules => ({
  options: stage.options,
  eligible: typeof stage.voters === 'number' ? stage.voters : stage.voters.length,
  quorum: stage.quorum ?? DEFAULT_QUORUM,
  threshold: stage.threshold ?? usual?.threshold ?? DEFAULT_THRESHOLD,
})

function closeVote(turn: Turn, place: Place<VoteStage>, ballots: (string | null)[], rules: VoteRules): void {
  const state = turn.stageState(place)
  const { succeeded, failed, tokens } = countTasks(turn, place)
  callOffTasks(turn, place)
  const result = plurality(ballots, rules)
  state.vote = result
  turn.emit('vote_closed', { stage: place.address, result })
  const leader = Math.max(0, ...Object.values(result.counts))
  const metrics: Metrics = {
    n: rules.eligible,
    succeeded,
    failed,
    agreement: result.valid < 2 ? null : leader / result.valid,
    ...(result.valid < 2 ? { agreement_reason: `needs 2 valid ballots, has ${result.valid}` } : {}),
    tokens,
    duration_ms: turn.at - state.started_at,
  }
  if (result.status === 'no_quorum') failStage(turn, place, result.reason, metrics)
  else
    completeStage(
      turn,
      place,
      { winner: result.winner, status: result.status, shares: result.shares },
      metrics,
      result.reason,
    )
}
