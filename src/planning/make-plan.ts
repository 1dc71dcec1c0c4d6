/**
 * A plan without a run. Who counts the tries is the same reducer that plans for a run (workflow/next.ts): it asks, is
 * told what came of it, asks again or takes a template. Nothing is stored, no stage is carried out.
 */
import { fail, ok, type Result } from '../failure.ts'
import { contentHash } from '../workflow/content-hash.ts'
import type { Definition } from '../workflow/definition.ts'
import type { EventData, RunInput } from '../workflow/event.ts'
import { feedCourse, newCourse } from '../workflow/fold.ts'
import type { Json } from '../workflow/value.ts'
import { planProposed, planRequest } from './plan-step.ts'
import type { Planner, PlanRequest } from './planner.ts'

export type MadePlan = {
  definition: Definition
  source: EventData['definition_chosen']['source']
  /** Why this one. */
  reason: string
  attempts: Omit<EventData['plan_proposed'], 'definition' | 'raw'>[]
}

/** At most three tries of a model, then a template. `unavailable` when not even a template fits, `cancelled` when it was called off. */
export async function makePlan(
  planner: Planner,
  request: { goal: string; inputs: { [name: string]: Json }; capabilities: PlanRequest['capabilities'] },
  now: () => number,
  signal: AbortSignal,
): Promise<Result<MadePlan>> {
  const definitions = new Map<string, Definition>()
  const definitionOf = (hash: string): Definition => {
    const definition = definitions.get(hash)
    if (definition === undefined) throw new Error(`definition ${hash} was not proposed`)
    return definition
  }
  const course = newCourse('plan')
  const attempts: MadePlan['attempts'] = []
  let input: RunInput = {
    at: now(),
    type: 'run_started',
    data: { goal: request.goal, definition: null, inputs: request.inputs, by: 'plan' },
  }
  for (;;) {
    const { events } = feedCourse(definitionOf, course, input)
    const chosen = events.find((event) => event.type === 'definition_chosen')
    if (chosen !== undefined)
      return ok({
        definition: definitionOf(chosen.data.definition),
        source: chosen.data.source,
        reason: chosen.data.reason,
        attempts,
      })
    const [step] = course.owed.values()
    if (step?.do !== 'plan') {
      const problems = attempts.map(({ attempt, problems: said, failure }) => ({
        kind: 'unavailable' as const,
        message: `attempt ${attempt}: ${failure?.message ?? said.join('; ')}`,
      }))
      return fail('unavailable', course.state.reason || 'no definition could be made', {
        field: 'goal',
        remedy: 'Say the goal otherwise, or see what is wrong with models and agents with `quorate doctor`.',
        problems,
      })
    }
    const proposal = await planner.propose(planRequest('plan', step, request.capabilities), signal)
    if (signal.aborted) return fail('cancelled', 'planning was called off')
    const hash = proposal.definition === null ? null : contentHash(proposal.definition)
    if (hash !== null && proposal.definition !== null) definitions.set(hash, proposal.definition)
    const data = planProposed(
      step.attempt,
      proposal,
      hash === null ? null : { hash, name: proposal.definition?.name ?? '' },
      null,
    )
    const { definition: _, raw: __, ...attempt } = data
    attempts.push(attempt)
    input = { at: now(), type: 'plan_proposed', data }
  }
}
