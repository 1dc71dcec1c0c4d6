/**
 * An agent as many are: a program of its own that asks a model, does what the model wants done with its tools, tells it
 * what came of it, and prints the model's last word. It reads its task as JSON on standard input.
 *
 * Environment: MODEL_URL, MODEL_KEY, MODEL; DESK_URL, where its tools get their answers; MEMORY, a file with what it
 * has been told before; NOTES, a folder for what it writes down; ON_RUN, what its tool `run` starts; ON_START.
 */
import { spawn } from 'node:child_process'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

type Message = {
  role: string
  content: string | null
  tool_calls?: { id: string; type: 'function'; function: { name: string; arguments: string } }[]
  tool_call_id?: string
}

const { env } = process
const MOST_TURNS = 2_000
const tools = ['lookup', 'status', 'check', 'edit', 'note', 'run'].map((name) => ({
  type: 'function',
  function: {
    name,
    description: `The tool ${name}`,
    parameters: { type: 'object', properties: { query: { type: 'string' } }, required: ['query'] },
  },
}))

async function ask(messages: Message[]): Promise<Message> {
  const response = await fetch(`${env.MODEL_URL}/chat/completions`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', authorization: `Bearer ${env.MODEL_KEY}` },
    body: JSON.stringify({ model: env.MODEL, messages, tools }),
  })
  const text = await response.text()
  if (!response.ok) throw new Error(`the model answered ${response.status}: ${text.slice(0, 300)}`)
  return (JSON.parse(text) as { choices: { message: Message }[] }).choices[0]?.message as Message
}

async function use(name: string, query: string): Promise<string> {
  if (name === 'note' && env.NOTES !== undefined) {
    writeFileSync(
      env.NOTES.startsWith('/dev/') ? env.NOTES : join(env.NOTES, `${process.pid}.txt`),
      query.repeat(40_000),
    )
    return 'written down'
  }
  if (name === 'run') {
    if (env.ON_RUN === 'die') process.kill(process.pid, 'SIGKILL')
    const child = spawn(env.ON_RUN === 'wait' ? 'sleep' : 'true', ['86400'], { stdio: 'ignore' })
    return await new Promise((resolve) => child.once('exit', (code) => resolve(`exit ${code}`)))
  }
  const response = await fetch(`${env.DESK_URL}/${name}?${new URLSearchParams({ query })}`)
  const text = await response.text()
  return response.ok ? text : `error ${response.status}: ${text}`
}

let given = ''
for await (const chunk of process.stdin.setEncoding('utf8')) given += chunk
const task = JSON.parse(given) as { instructions: string; input: { way?: string }; attempt: number }
// A program that waits for something that never comes, and says nothing.
if (env.ON_START === 'wait') await new Promise(() => setInterval(() => {}, 2 ** 30))
if (env.ON_START === 'fail once' && task.attempt === 1) {
  console.error('the license server did not answer')
  process.exit(75)
}
const memory = env.MEMORY ?? ''
const remembered: Message[] = existsSync(memory) ? (JSON.parse(readFileSync(memory, 'utf8')) as Message[]) : []
const messages: Message[] = [
  { role: 'system', content: 'You are an agent. Use your tools, then answer with JSON.' },
  ...remembered,
  { role: 'user', content: JSON.stringify(task) },
]
for (let turn = 0; turn < MOST_TURNS; turn++) {
  const said = await ask(messages)
  messages.push(said)
  const call = said.tool_calls?.[0]
  if (call === undefined) {
    if (memory !== '') writeFileSync(memory, JSON.stringify([...remembered, ...messages.slice(-2)]))
    process.stdout.write(said.content ?? '')
    break
  }
  const { query } = JSON.parse(call.function.arguments) as { query: string }
  messages.push({ role: 'tool', tool_call_id: call.id, content: await use(call.function.name, query) })
}
