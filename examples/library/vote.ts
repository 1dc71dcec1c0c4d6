// Five voters; the rules of the vote are data: how many must take part, and what the winner must exceed.
import { defineAgent, defineWorkflow, openQuorate, tasks, vote } from '../../src/library/quorate.ts'

const opinions = ['ship', 'ship', 'wait', 'ship', 'wait'] as const
const voters = opinions.map((choice, n) =>
  defineAgent({
    name: `voter_${n + 1}`,
    capabilities: ['judgement'],
    perform: () => ({ choice, reason: `voter ${n + 1} would ${choice}` }),
  }),
)
const clerk = defineAgent({
  name: 'clerk',
  input: { winner: { type: 'text', required: true } },
  perform: ({ input }) => `The decision is to ${input.winner}.`,
})

const release = defineWorkflow({
  name: 'release',
  stages: [
    vote({
      id: 'ballot',
      question: 'Shall version 2 be shipped?',
      options: ['ship', 'wait'],
      voters: voters.map(({ name }) => name),
      quorum: 0.8,
      threshold: 0.5,
      on_failure: { then: 'nobody_came' },
    }),
    tasks({
      id: 'record',
      tasks: [{ id: 'note', agent: clerk.name, instructions: 'Record it', input: { winner: '=ballot.winner' } }],
    }),
    tasks({
      id: 'nobody_came',
      needs: ['ballot'],
      tasks: [{ id: 'note', agent: clerk.name, instructions: 'Record it', input: { winner: 'ask again' } }],
    }),
  ],
  output: { decision: '=record.output', shares: '=ballot.shares' },
})

await using quorate = await openQuorate({ agents: [...voters, clerk], models: false })
const { status, output } = await (await quorate.run(release)).result()
console.log(status, output)
