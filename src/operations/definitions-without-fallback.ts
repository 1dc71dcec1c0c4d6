import type { Stage } from '../workflow/definition.ts'

/** Stages that fail, and the run with them, as soon as one named agent does: no other agent, no fallback, no answer to failure. */
export function withoutFallback(stages: readonly Stage[]): string[] {
  return stages.flatMap((stage): string[] => {
    if (stage.kind === 'loop' || stage.kind === 'for_each') return withoutFallback(stage.stages).map((inner) => `${stage.id}.${inner}`)
    if (stage.kind !== 'tasks' || stage.on_failure !== undefined) return []
    const alone = stage.tasks.every((task) => task.agent !== undefined && (task.fallback ?? []).length === 0)
    const agents = new Set(stage.tasks.map((task) => task.agent))
    return alone && agents.size === 1 ? [stage.id] : []
  })
}
