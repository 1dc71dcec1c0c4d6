/**
 * A filled plan form that the model is shown. Without it a model of 135 million parameters writes noise; with it, it
 * copies the manner. So only the tasks of `start` speak of the example's own goal, and a plan that repeats one of them
 * is refused; all else is worded so that it is sound for any goal. One example: with two, the last one is copied.
 */
import type { Plan } from './plan-schema.ts'

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
    finish: { capability: 'writing', does: 'Write the result with its reasons.' },
  },
}
