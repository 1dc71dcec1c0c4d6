/**
 * Two filled plan forms that the model is shown. Without them a model of 135 million parameters writes noise; with them
 * it copies the manner. So only the tasks of `start` speak of the example's own goal, and a plan that repeats one of
 * those is refused; everything else is worded so that it is sound for any goal.
 */
import type { Plan } from './plan-schema.ts'

export type PlanExample = { goal: string; plan: Plan }

export const planExamples: readonly PlanExample[] = [
  {
    goal: 'Choose a bicycle for ten kilometres a day.',
    plan: {
      analysis: 'Needs facts about bicycles, a comparison and a choice.',
      start: [
        { capability: 'research', does: 'List kinds of bicycles for ten kilometres a day.' },
        { capability: 'comparison', does: 'Compare price, weight and comfort of bicycles.' },
      ],
      stages: [{ kind: 'vote', question: 'Which way is best?', options: ['the first', 'the second'], capability: 'decision_support', voters: 3 }],
      decide: {
        on: { measure: 'agreement', is: '<', value: 0.5 },
        then: [{ capability: 'analysis', does: 'Find out why the results differ.' }],
        otherwise: { do: 'continue' },
      },
      finish: { capability: 'writing', does: 'Write the result with its reasons.' },
    },
  },
  {
    goal: 'Explain to new staff how our archive works.',
    plan: {
      analysis: 'Needs the facts about the archive and a text that beginners understand.',
      start: [
        { capability: 'extraction', does: 'Take the rules of the archive out of the manual.' },
        { capability: 'critique', does: 'Name what new staff do wrong in the archive.' },
        { capability: 'planning', does: 'Order what new staff must know about the archive.' },
      ],
      stages: [
        {
          kind: 'loop',
          make: { capability: 'writing', does: 'Write a full draft.' },
          review: { capability: 'review', does: 'Check the draft against the goal.' },
          until_score: 8,
          max: 2,
        },
      ],
      decide: {
        on: { measure: 'score', question: 'How well does this reach the goal?', capability: 'critique', is: '<', value: 7 },
        then: [{ capability: 'research', does: 'Fill the gaps that were found.' }],
        otherwise: { do: 'continue' },
      },
      finish: { capability: 'editing', does: 'Put everything into its final form.' },
    },
  },
]
