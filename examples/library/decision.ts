// Two functions as agents; the longer way is taken only for a text that needs it.
import { decide, defineAgent, defineWorkflow, openQuorate, tasks } from '../../src/library/quorate.ts'

const reader = defineAgent({
  name: 'reader',
  input: { text: { type: 'text', required: true } },
  perform: ({ input }) => ({ words: input.text.split(/\s+/).length }),
})
const shortener = defineAgent({
  name: 'shortener',
  input: { text: { type: 'text', required: true }, words: { type: 'number', default: 5 } },
  perform: ({ input }) => input.text.split(/\s+/).slice(0, input.words).join(' '),
})

const headline = defineWorkflow({
  name: 'headline',
  inputs: { text: { type: 'text', required: true }, most: { type: 'number', default: 8 } },
  stages: [
    tasks({
      id: 'read',
      tasks: [{ id: 'count', agent: reader.name, instructions: 'Count the words', input: { text: '=inputs.text' } }],
    }),
    decide({
      id: 'too_long',
      cases: [{ when: 'read.output.words > inputs.most', then: 'shorten' }],
      otherwise: 'end',
    }),
    tasks({
      id: 'shorten',
      tasks: [{ id: 'cut', agent: shortener.name, instructions: 'Shorten it', input: { text: '=inputs.text' } }],
    }),
  ],
})

await using quorate = await openQuorate({ agents: [reader, shortener], models: false })
const run = await quorate.run(headline, {
  text: 'A durable run goes on where it stopped, whatever happened to its process',
})
for await (const event of run.events()) {
  if (event.type === 'decision_made') console.log(`${event.data.stage}: ${event.data.reason}`)
}
const { status, output } = await run.result()
console.log(status, output)
