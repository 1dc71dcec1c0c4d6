/**
 * Records logs of real runs as `test/recorded/<version>/*.jsonl`, for `test/recorded/recorded.test.ts`, which replays
 * those of every released version from then on. To be run once for each release, with its version in package.json:
 *
 *     node scripts/record-logs.ts
 *
 * A recording is never made again. Only that of a version that has not been released is: its folder is removed before.
 *
 * The first line of a file says what it shows, with the definitions and the state at the end; then one line per event.
 */
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createFunctions } from '../src/agent-systems/function/function.ts'
import { agentInput } from '../src/agents/agent.ts'
import { type Quorate, startQuorate } from '../src/main.ts'
import { VERSION } from '../src/version.ts'
import type { Definition, Stage } from '../src/workflow/definition.ts'
import type { RunEvent } from '../src/workflow/event.ts'
import { openReplay } from '../src/workflow/replay.ts'
import { hasEnded } from '../src/workflow/run-state.ts'
import { quietLogger } from '../test/quiet-logger.ts'
import { testConfiguration } from '../test/test-configuration.ts'

const folder = join(import.meta.dirname, '../test/recorded', VERSION)
if (existsSync(folder)) {
  console.error(`${folder} is there already: a recording is made once; the next version has another name`)
  process.exit(1)
}
const data = mkdtempSync(join(tmpdir(), 'quorate-recording-'))

const task = (id: string, more: object = {}) => ({ id, agent: 'worker', instructions: `Do ${id}.`, ...more })
const tasks = (id: string, ids: string[], more: object = {}): Stage => ({
  id,
  kind: 'tasks',
  tasks: ids.map((each) => task(each)),
  ...more,
})
const gate: Stage = { id: 'gate', kind: 'approval', question: 'Go on?', timeout: '1h', default: 'refuse' }
const definition = (called: string, stages: Stage[], more: Partial<Definition> = {}): Definition => ({
  apiVersion: 'quorate/v1',
  name: called,
  stages,
  ...more,
})

const part = definition('part', [tasks('inner', ['t'])], { inputs: { subject: { type: 'text', default: 'parts' } } })
/** All kinds of stages, a loop that goes round twice, a case that is not taken. */
const everything = definition(
  'everything',
  [
    tasks('gather', ['a', 'b', 'c']),
    {
      id: 'choose',
      kind: 'vote',
      question: 'Which one?',
      options: ['left', 'right'],
      voters: ['worker', 'other', 'worker'],
    },
    { id: 'pause', kind: 'timer', for: '20ms' },
    { id: 'news', kind: 'wait', signal: 'news', timeout: '1h' },
    {
      id: 'improve',
      kind: 'loop',
      max: 5,
      until: 'iteration >= 2',
      stages: [{ id: 'write', kind: 'tasks', tasks: [task('draft', { input: { last: '=item' } })] }],
    },
    { id: 'each', kind: 'for_each', items: '=inputs.list', max: 9, parallel: 2, stages: [tasks('do', ['it'])] },
    { id: 'enough', kind: 'decide', cases: [{ when: 'gather.failed > 0', then: 'mend' }], otherwise: 'sub' },
    tasks('mend', ['m']),
    { id: 'sub', kind: 'run', definition: 'part', input: { subject: '=news.output' } },
    gate,
    { id: 'last', kind: 'tasks', tasks: [task('end', { input: { from: '=improve.output' } })] },
  ],
  {
    inputs: { list: { type: 'list', default: [1, 2, 3] } },
    budget: { calls: 100, wall_clock: '1h' },
    feedback: [{ id: 'strengthen', when: 'run.calls > 2', action: 'synchronize_agents', max: 1 }],
    success: [{ id: 'all', when: 'gather.failed == 0' }],
    output: { end: '=last.output', winner: '=choose.winner' },
  },
)
const undoing = definition('undoing', [
  {
    id: 'book',
    kind: 'tasks',
    tasks: [
      task('room', { compensate: { agent: 'worker', instructions: 'Cancel the room.' } }),
      task('train', { compensate: { agent: 'worker', instructions: 'Cancel the train.' } }),
    ],
  },
  { id: 'pay', kind: 'tasks', tasks: [task('card', { agent: 'broken', attempts: 2 })] },
])
const review = (more: Stage[] = [], question = 'Go on?'): Definition =>
  definition('review', [tasks('draft', ['t']), { ...gate, question } as Stage, tasks('send', ['t']), ...more])

const functions = createFunctions()
functions.register('worker', ({ instructions, input, output_schema }) =>
  output_schema === null ? `${instructions} ${JSON.stringify(input)}` : { choice: 'left', reason: 'It is nearer.' },
)
functions.register('broken', (_task, { fail }) => fail('agent_failed', 'It does not work.'))

let quorate: Quorate
const started = await startQuorate({ ...testConfiguration(data), agents: [] }, { logger: quietLogger, functions })
if (!started.ok) throw new Error(started.failure.message)
quorate = started.value
const { store, runs, fleet, url } = quorate

async function ask(method: string, path: string, body: object): Promise<Record<string, unknown>> {
  const response = await fetch(`${url}${path}`, {
    method,
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body),
  })
  const answer = (await response.json()) as Record<string, unknown>
  if (response.status >= 300) throw new Error(`${method} ${path}: ${JSON.stringify(answer)}`)
  return answer
}
const put = async (used: Definition): Promise<string> => (await store.definitions.put(used, 'recording', '')).hash
async function start(used: string | null, goal: string | null = null): Promise<string> {
  const run = await runs.start({ kind: 'workflow', goal, definition: used, inputs: {}, by: 'recording' })
  if (!run.ok) throw new Error(run.failure.message)
  return run.value.run
}
/** Resolves when the log of the run holds such an event. */
async function until(run: string, found: (event: RunEvent) => boolean): Promise<void> {
  while (!(await store.events.read(run, 0, 10_000)).some(found)) await new Promise((resolve) => setTimeout(resolve, 10))
}
const came = (run: string, type: RunEvent['type']): Promise<void> => until(run, (event) => event.type === type)
const ended = (run: string): Promise<void> => came(run, 'run_finished')
const approve = (run: string): Promise<unknown> =>
  ask('POST', `/runs/${run}/approvals/gate`, { decision: 'approve', comment: 'yes' })

async function record(about: string, run: string): Promise<void> {
  const events = await store.events.read(run, 0, 10_000)
  const definitions: { [hash: string]: Definition } = {}
  for (const { data: said } of events) {
    const hash = (said as { definition?: unknown }).definition
    const stored = typeof hash === 'string' && hash.startsWith('sha256:') ? await store.definitions.get(hash) : null
    if (stored !== null) definitions[stored.hash] = stored.definition
  }
  const replay = openReplay((hash) => definitions[hash] as Definition)
  replay.add(events)
  const { identical, state } = replay.result()
  if (!identical || !hasEnded(state.status as never)) throw new Error(`${about}: the log does not replay, or goes on`)
  const lines = [{ about, version: VERSION, definitions, state }, ...events]
  writeFileSync(
    join(folder, `${about.replaceAll(' ', '-')}.jsonl`),
    lines.map((line) => `${JSON.stringify(line)}\n`).join(''),
  )
  console.log(`${about}: ${events.length} events`)
}

mkdirSync(folder, { recursive: true })
try {
  for (const [agent, used] of Object.entries({ worker: 'worker', other: 'worker', broken: 'broken' })) {
    const input = agentInput.parse({ name: agent, system: 'function', settings: { function: used } })
    const added = await fleet.add(input, 'api')
    if (!added.ok) throw new Error(added.failure.message)
  }
  await put(part)
  const all = await start(await put(everything))
  await came(all, 'wait_started')
  await ask('POST', `/runs/${all}/signals/news`, { data: 'read all about it' })
  await came(all, 'approval_requested')
  await approve(all)
  await ended(all)
  await record('all kinds of stages', all)
  const child = (await store.events.read(all, 0, 10_000)).find((event) => event.type === 'child_started')
  if (child?.type !== 'child_started') throw new Error('no child was started')
  await record('a run started by another', child.data.run)

  const undone = await start(await put(undoing))
  await ended(undone)
  await record('compensation', undone)

  const { run_id } = await ask('POST', `/runs/${all}/fork`, { before_stage: 'improve' })
  await came(String(run_id), 'approval_requested')
  await approve(String(run_id))
  await ended(String(run_id))
  await record('a fork', String(run_id))

  const first = await put(review())
  const migrated = await start(first)
  await came(migrated, 'approval_requested')
  await put(review([], 'Really?'))
  // As if it had been asked for before the run came to its approval.
  const newest = await store.definitions.get('review')
  await runs.send(migrated, 'late', {
    type: 'definition_changed',
    data: { definition: String(newest?.hash), from: first, by: 'recording' },
  })
  await came(migrated, 'definition_kept')
  await put(review([tasks('tell', ['t'])]))
  await fleet.change('worker', { instructions: 'Be brief.' })
  await ask('POST', '/runs/upgrade', { run: [migrated] })
  await came(migrated, 'definition_changed')
  await approve(migrated)
  await ended(migrated)
  await record('a migrated run', migrated)

  const stopped = await start(first)
  await came(stopped, 'approval_requested')
  await ask('POST', `/runs/${stopped}/pause`, { reason: 'lunch' })
  await came(stopped, 'run_paused')
  await ask('POST', `/runs/${stopped}/resume`, {})
  await came(stopped, 'run_resumed')
  await ask('POST', `/runs/${stopped}/cancel`, { reason: 'enough' })
  await ended(stopped)
  await record('paused and cancelled', stopped)

  const planned = await start(null, 'Compare two ways to cache answers')
  await ended(planned)
  await record('planned without a model', planned)
} catch (error) {
  rmSync(folder, { recursive: true, force: true })
  throw error
} finally {
  await quorate.close()
  rmSync(data, { recursive: true, force: true, maxRetries: 5 })
}
