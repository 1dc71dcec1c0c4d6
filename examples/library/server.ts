// Against a server (`quorate start`): ask a person, wait for a word from outside, follow it all.
import { approval, connect, defineWorkflow, QuorateError, wait } from '../../src/library/quorate.ts'

const publish = defineWorkflow({
  name: 'publish',
  inputs: { title: { type: 'text', required: true } },
  stages: [
    wait({ id: 'proof', signal: 'proof_read', timeout: '1h' }),
    approval({
      id: 'gate',
      question: 'Publish it?',
      show: { title: '=inputs.title', errors: '=proof.output.errors' },
      timeout: '2d',
      default: 'refuse',
    }),
  ],
  output: { title: '=inputs.title', published: '=gate.output.decision' },
})

try {
  const quorate = await connect(process.argv[2] ?? 'http://127.0.0.1:8100')
  const run = await quorate.run(publish, { title: 'Durable runs' })
  for await (const event of run.events()) {
    if (event.type === 'wait_started') await run.signal('proof_read', { errors: 0 })
    if (event.type === 'approval_requested') {
      console.log(event.data.question, event.data.show)
      await run.approve(event.data.approval, 'no errors')
    }
  }
  const { status, output } = await run.result()
  console.log(status, output)
} catch (error) {
  if (!(error instanceof QuorateError)) throw error
  console.error(error.message)
  process.exitCode = 1
}
