/**
 * A filled plan form that the model is shown. Without it a model of 135 million parameters writes noise; with it, it
 * copies the manner. So only the tasks of `start` speak of the example's own goal, and a plan that repeats one of them
 * is refused; all else is worded so that it is sound for any goal. One example: with two, the last one is copied.
 */

import type { Json } from '../workflow/value.ts'
import type { Plan, PlanVocabulary } from './plan-schema.ts'

export const planExample: { goal: string; plan: Plan } = {
  goal: 'Choose a bicycle for ten kilometres a day.',
  plan: {
    analysis: 'Needs facts about bicycles, a comparison and a choice with reasons.',
    start: [
      { capability: 'research', does: 'List kinds of bicycles for ten kilometres a day.' },
      { capability: 'comparison', does: 'Compare price, weight and comfort of bicycles.' },
      { capability: 'critique', does: 'Name what goes wrong with the wrong bicycle.' },
    ],
    stages: [{ kind: 'tasks', tasks: [{ capability: 'synthesis', does: 'Bring the results together.' }] }],
    decide: {
      on: {
        measure: 'score',
        question: 'How well does this reach the goal?',
        capability: 'critique',
        is: '<',
        value: 7,
      },
      then: [{ capability: 'analysis', does: 'Fill the gaps that were found.' }],
      otherwise: { do: 'continue' },
    },
    feedback: [{ coherence_below: 0.3, action: 'synchronize_agents' }],
    finish: { capability: 'writing', does: 'Write the result with its reasons.' },
  },
}

/** The example in the words of a vocabulary: capabilities that nobody offers are replaced by some that are, in turn. */
export function exampleIn({ capabilities, inputs }: PlanVocabulary): Json {
  let turn = 0
  const known = (value: Json, key: string): Json => {
    if (key === 'capability' && !capabilities.includes(String(value)))
      return capabilities[turn++ % capabilities.length] ?? ''
    if (Array.isArray(value)) return value.map((item) => known(item, ''))
    if (typeof value !== 'object' || value === null) return value
    return Object.fromEntries(Object.entries(value).map(([name, member]) => [name, known(member, name)]))
  }
  const plan = known(planExample.plan as Json, '') as { start: { [key: string]: Json }[] }
  return inputs.length === 0 ? plan : { ...plan, start: plan.start.map((task) => ({ ...task, reads: 'all' })) }
}
