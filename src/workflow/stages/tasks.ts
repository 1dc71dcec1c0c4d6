/** Agents side by side. One agent's failure is recorded and does not sink the stage unless the definition says so. */
import { fanOutDenied } from '../budget.ts'
import { deny } from '../call-budget.ts'
import type { TasksStage } from '../definition.ts'
import type { Metrics } from '../event.ts'
import { KEPT_OUTPUTS, type StageState } from '../run-state.ts'
import { completeStage, failStage } from '../scope.ts'
import { callOffTasks, countTasks, startTask } from '../task-run.ts'
import type { Place, StageBehaviour, Turn } from '../turn.ts'
import type { Value } from '../value.ts'

export const tasksBehaviour: StageBehaviour<'tasks'> = {
  start(turn, place) {
    const wide = fanOutDenied(turn, place.stage.tasks.length)
    if (wide !== null) return failStage(turn, place, deny(turn, place.address, wide))
    turn.stageState(place).open = place.stage.tasks.length
    for (const task of place.stage.tasks) startTask(turn, place, task)
  },

  taskSettled(turn, place, id) {
    const state = turn.stageState(place)
    const task = state.tasks?.[id]
    const spec = place.stage.tasks.find((t) => t.id === id)
    if (task?.s === 'failed' && spec?.required === true)
      return sink(turn, place, `required task ${id} failed: ${task.reason ?? ''}`)
    const { failed } = countTasks(turn, place)
    const needed = minSuccess(place.stage)
    if (place.stage.tasks.length - failed < needed)
      return sink(
        turn,
        place,
        `${failed} of ${place.stage.tasks.length} tasks failed, ${needed} must succeed${lastReason(state)}`,
      )
    if (state.open === 0) collect(turn, place)
  },

  collected(turn, place, output, metrics) {
    completeStage(turn, place, output, metrics)
  },
}

const minSuccess = (stage: TasksStage): number => Math.min(stage.min_success ?? 1, stage.tasks.length)

const lastReason = (state: StageState): string => {
  const reason = Object.values(state.tasks ?? {}).findLast((task) => task.s === 'failed')?.reason
  return reason === undefined ? '' : ` (last: ${reason})`
}

function sink(turn: Turn, place: Place<TasksStage>, reason: string): void {
  const { succeeded, failed, tokens } = countTasks(turn, place)
  const state = turn.stageState(place)
  callOffTasks(turn, place)
  keepOutputs(state)
  failStage(turn, place, reason, metricsOf(turn, state, place.stage.tasks.length, succeeded, failed, tokens))
}

/** One output is the stage's own; several are brought together by a step of the shell, which can read large ones. */
function collect(turn: Turn, place: Place<TasksStage>): void {
  const state = turn.stageState(place)
  const { succeeded, failed, tokens } = countTasks(turn, place)
  const outputs = keepOutputs(state)
  if (place.stage.tasks.length === 1) {
    const metrics = metricsOf(turn, state, 1, succeeded, failed, tokens)
    return completeStage(turn, place, outputs[0]?.output ?? null, metrics)
  }
  turn.ask({
    do: 'collect',
    stage: place.address,
    outputs,
    started_at: state.started_at,
    n: place.stage.tasks.length,
    succeeded,
    failed,
    tokens,
  })
}

function keepOutputs(state: StageState): { task: string; output: Value }[] {
  const outputs = Object.entries(state.tasks ?? {}).flatMap(([task, t]) =>
    t.s === 'done' ? [{ task, output: t.out ?? null }] : [],
  )
  if (outputs.length <= KEPT_OUTPUTS) state.outs = Object.fromEntries(outputs.map(({ task, output }) => [task, output]))
  return outputs
}

const metricsOf = (
  turn: Turn,
  state: StageState,
  n: number,
  succeeded: number,
  failed: number,
  tokens: number | null,
): Metrics => ({
  n,
  succeeded,
  failed,
  agreement: null,
  agreement_reason: n < 2 ? `needs 2 outputs, has ${succeeded}` : 'the stage failed before its outputs were compared',
  tokens,
  duration_ms: turn.at - state.started_at,
})
