/**
 * Part `upgrade` of the proof: runs, most of them parked, some with a task under way, across twenty changes of
 * definitions, instructions, agents and models and across two builds of the program; once with builds that stop in order,
 * once with `kill -9` of the older one and of the newer one in the midst of `quorate upgrade`, and once while all runs go
 * on: then what counts is what `quorate upgrade` says of each run afterwards.
 *
 * `quorate upgrade --dry-run` predicts what becomes of each run. What becomes of it is read from its log; what its agents
 * were told is read from what they answered, and held against what the log says that they were told.
 *
 * Usage: upgrade.ts --root=DIR [--parked=N] [--legs=N] (runs parked for each change, one more is under way; the last N of these three)
 */
import { mkdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import type { Definition } from '../../src/workflow/definition.ts'
import type { RunEvent } from '../../src/workflow/event.ts'
import { replayFolder } from '../replay-all.ts'
import { numberOption, workFolder } from './part-options.ts'
import { exactly, type Figure, printReport, progress } from './report.ts'
import { agentOf, baseDefinition, childDefinition, type Mutation, mutations } from './upgrade-mutations.ts'
import { MODELS, type Outside, openOutside } from './upgrade-outside.ts'
import {
  OLDER,
  olderBuild,
  type Program,
  startProgram,
  type UpgradedRun,
  until,
  upgradeCommand,
} from './upgrade-program.ts'
import { type Known, type Witnessed, witness } from './upgrade-witness.ts'

const kinds = ['in order', 'kill -9', 'runs go on meanwhile'] as const
type Kind = (typeof kinds)[number]

const { root } = workFolder('upgrade')
const parkedEach = numberOption('parked', 10)
const legs = kinds.slice(-numberOption('legs', kinds.length))
const NEWER = join(import.meta.dirname, '../..')

type Started = { id: string; mutation: Mutation; parked: boolean }
type Leg = {
  runs: number
  parked: number
  verdicts: { [verdict: string]: number }
  /** Runs that had gone over when the program was killed; and those that could not any more, and said so. */
  overAtKill: number
  movedOn: number
  notAsDesigned: string[]
  notAsPredicted: string[]
  lost: string[]
  silent: string[]
}

async function putDefinition(program: Program, known: Known, definition: Definition): Promise<string> {
  const { hash } = await program.done('PUT', '/definitions', { definition })
  known.definitions.set(String(hash), definition)
  return String(hash)
}

async function noteAgent(program: Program, known: Known, name: string): Promise<void> {
  const agent = await program.done('GET', `/agents/${name}`)
  known.agents.set(String(agent['hash']), {
    system: String(agent['system']),
    instructions: String(agent['instructions']),
  })
}

async function prepare(program: Program, known: Known): Promise<void> {
  await program.done('POST', '/agents', {
    name: 'holder',
    system: 'function',
    settings: { function: 'holder' },
    concurrency: 1_000,
  })
  await noteAgent(program, known, 'holder')
  for (const { name, act } of mutations) {
    const model = act === 'agent_model' ? MODELS[0] : act === 'model_digest' ? MODELS[2] : undefined
    const how =
      model === undefined
        ? { system: 'function', settings: { function: 'worker' } }
        : { system: 'ollama', settings: { model, temperature: 0 } }
    await program.done('POST', '/agents', { name: agentOf(name), instructions: `As ${name} was told first.`, ...how })
    await noteAgent(program, known, agentOf(name))
    await putDefinition(program, known, childDefinition(name))
    await putDefinition(program, known, baseDefinition(name))
  }
}

async function startRuns(program: Program, outside: Outside): Promise<Started[]> {
  const started: Started[] = []
  for (const mutation of mutations)
    for (let i = 0; i <= parkedEach; i++) {
      const parked = i < parkedEach
      const { run_id } = await program.done('POST', '/create_workflow', {
        definition: mutation.name,
        inputs: { hold: !parked },
      })
      started.push({ id: String(run_id), mutation, parked })
    }
  const waiting = (): Promise<Record<string, unknown>> => program.done('GET', '/runs?status=waiting&limit=1')
  const parked = started.filter((run) => run.parked).length
  await until('runs are parked', waiting, ({ total }) => total === parked)
  await until(
    'calls are under way',
    async () => outside.held().size,
    (held) => held === started.length - parked,
  )
  return started
}

/** The changes themselves, on the newer build. */
async function change(program: Program, known: Known): Promise<void> {
  for (const { name, act, change: edit } of mutations) {
    const agent = `/agents/${agentOf(name)}`
    if (edit !== undefined) {
      const definition = baseDefinition(name)
      edit(definition)
      await putDefinition(program, known, definition)
    }
    if (act === 'agent_instructions') await program.done('PATCH', agent, { instructions: 'As it was told later.' })
    if (act === 'agent_model') await program.done('PATCH', agent, { settings: { model: MODELS[1], temperature: 0 } })
    if (act === 'agent_removed') await program.done('DELETE', `${agent}?force=true`)
    else await noteAgent(program, known, agentOf(name))
    if (act === 'child_definition') await putDefinition(program, known, childDefinition(name, 'Do it anew.'))
  }
}

async function logOf(program: Program, run: string): Promise<RunEvent[]> {
  const events: RunEvent[] = []
  for (let after = 0, more = true; more; after = events.at(-1)?.seq ?? after) {
    const { items, next } = await program.done('GET', `/runs/${run}/events?after=${after}&limit=1000`)
    events.push(...(items as RunEvent[]))
    more = next !== null
  }
  return events
}

/** Ends every run: calls that were held go on, approvals are given as soon as they are asked for. */
async function finish(program: Program, outside: Outside, started: readonly Started[]): Promise<void> {
  outside.release()
  const open = new Set(started.map(({ id }) => id))
  await until(
    'all runs end',
    async () => {
      for (const id of [...open]) {
        const { body } = await program.ask('GET', `/runs/${id}`)
        if (body['ended_at'] !== null && body['ended_at'] !== undefined) open.delete(id)
        else if (body['status'] === 'waiting') {
          const { items } = await program.done('GET', `/runs/${id}/approvals`)
          for (const { approval } of items as { approval: string }[])
            await program.ask('POST', `/runs/${id}/approvals/${approval}`, { decision: 'approve' })
        }
      }
      return open.size
    },
    (left) => left === 0,
  )
}

/** In the midst of `quorate upgrade`: as soon as some runs have gone over. */
async function killInTheMidst(program: Program, started: readonly Started[], data: string): Promise<number> {
  const upgrading = upgradeCommand(program).then(
    () => undefined,
    () => undefined,
  )
  const fits = started.filter(({ mutation }) => mutation.parked === 'migrated').map(({ id }) => id)
  const some = async (): Promise<boolean> => {
    const { body } = await program.ask('GET', `/runs/${fits[Math.floor(fits.length / 3)]}/events?limit=1000`)
    return ((body['items'] ?? []) as RunEvent[]).some((event) => event.type === 'definition_changed')
  }
  await until('some runs go over', some, (went) => went)
  await program.kill()
  await upgrading
  const db = new DatabaseSync(join(data, 'quorate.db'))
  const { n } = db.prepare("select count(*) as n from events where type = 'definition_changed'").get() as { n: number }
  db.close()
  return n
}

function judge(
  leg: Leg,
  kind: Kind,
  { id, mutation, parked }: Started,
  seen: UpgradedRun | undefined,
  did: Witnessed,
): void {
  const what = `${mutation.name}, ${parked ? 'parked' : 'under way'} (${id})`
  const moves = kind === 'runs go on meanwhile'
  // One that had ended before it was looked at is in no list.
  if (seen === undefined && moves) return ended(leg, what, mutation, did)
  if (seen === undefined) return void leg.notAsPredicted.push(`${what}: nothing was predicted`)
  const { verdict, from, to, reason } = seen
  leg.verdicts[verdict] = (leg.verdicts[verdict] ?? 0) + 1
  const designed = parked ? mutation.parked : mutation.running
  if (/meanwhile|before it could go over/.test(reason)) leg.movedOn++
  if (verdict !== designed && !moves) leg.notAsDesigned.push(`${what}: ${verdict} (${reason}), should be ${designed}`)
  const wanted = { continues: [from?.hash, 0], migrated: [to?.hash, 1], pinned: [from?.hash, 0] }[verdict]
  if (did.definition !== wanted[0] || did.changes !== wanted[1] || (verdict === 'pinned' && from?.hash === to?.hash))
    leg.notAsPredicted.push(`${what}: ${verdict} was predicted, it went over ${did.changes} times`)
  const names = (kind: 'agent' | 'model'): string[] =>
    seen.changed.filter((each) => each.what === kind && each.to !== null).map(({ name }) => name)
  const agents = [...did.agents]
  if (moves) {
    if (seen.done !== true) leg.notAsPredicted.push(`${what}: ${reason}`)
    return ended(leg, what, mutation, did)
  }
  if (agents.join() !== names('agent').join())
    leg.notAsPredicted.push(`${what}: agents ${names('agent')} were to change, ${agents} did`)
  // Of another model than before an agent's own change tells beforehand, or the model's digest.
  if (did.models.size > 0 && names('model').length === 0 && agents.length === 0)
    leg.notAsPredicted.push(`${what}: another model, which was not predicted`)
  if (names('model').length > 0 && did.models.size === 0)
    leg.notAsPredicted.push(`${what}: a model was to change, none did`)
  ended(leg, what, mutation, did)
}

function ended(leg: Leg, what: string, mutation: Mutation, did: Witnessed): void {
  if (did.status !== (mutation.ends ?? 'completed')) leg.lost.push(`${what}: ${did.status ?? 'has not ended'}`)
  if (did.programs.length !== 2 || did.programs[0] !== OLDER) leg.silent.push(`${what}: programs ${did.programs}`)
}

async function runLeg(kind: Kind, older: string): Promise<Leg> {
  const kill = kind === 'kill -9'
  const data = join(root, kind.replaceAll(' ', '-'))
  mkdirSync(data, { recursive: true })
  const outside = await openOutside()
  const known: Known = { definitions: new Map(), agents: new Map() }
  const leg: Leg = {
    runs: 0,
    parked: 0,
    verdicts: {},
    overAtKill: 0,
    movedOn: 0,
    notAsDesigned: [],
    notAsPredicted: [],
    lost: [],
    silent: [],
  }
  let program = await startProgram(older, data, outside.url)
  try {
    await prepare(program, known)
    const started = await startRuns(program, outside)
    leg.runs = started.length
    leg.parked = started.filter(({ parked }) => parked).length
    await (kill ? program.kill() : program.stop())
    outside.retag()
    program = await startProgram(NEWER, data, outside.url)
    await until(
      'calls are under way again',
      async () => outside.held().size,
      (held) => held === leg.runs - leg.parked,
    )
    await change(program, known)
    let predicted = await upgradeCommand(program, '--dry-run')
    if (kill) {
      leg.overAtKill = await killInTheMidst(program, started, data)
      program = await startProgram(NEWER, data, outside.url)
    }
    if (kind === 'runs go on meanwhile') {
      const finishing = finish(program, outside, started)
      predicted = await upgradeCommand(program)
      await finishing
    } else {
      await upgradeCommand(program)
      await finish(program, outside, started)
    }
    const byRun = new Map(predicted.map((row) => [row.run_id, row]))
    for (const run of started) {
      const events = await logOf(program, run.id)
      const did = witness(events, known)
      judge(leg, kind, run, byRun.get(run.id), did)
      leg.silent.push(...did.silent)
      for (const child of events.flatMap((event) => (event.type === 'child_started' ? [event.data.run] : [])))
        leg.silent.push(...witness(await logOf(program, child), known).silent)
    }
  } finally {
    await program.stop()
    await outside.close()
  }
  leg.lost.push(...(await replayFolder(data)).differences)
  rmSync(join(data, 'engine'), { recursive: true, force: true })
  return leg
}

const older = olderBuild(join(root, 'older-build'))
const figures: Figure[] = []
for (const kind of legs) {
  const began = performance.now()
  const leg = await runLeg(kind, older)
  const how = kind
  for (const problem of [...leg.notAsDesigned, ...leg.notAsPredicted, ...leg.lost, ...leg.silent].slice(0, 20))
    progress(`BROKEN ${problem}`)
  progress(`${how}: ${leg.runs} runs, ${Math.round((performance.now() - began) / 1_000)} s`)
  figures.push(
    {
      what: `${how}: runs parked and under way, over ${mutations.length} changes`,
      value: `${leg.parked} and ${leg.runs - leg.parked}`,
    },
    {
      what: `${how}: continue, are migrated, stay pinned`,
      value: ['continues', 'migrated', 'pinned'].map((verdict) => leg.verdicts[verdict] ?? 0).join(', '),
    },
    ...(kind === 'kill -9'
      ? [{ what: `${how}: runs that had gone over when it was killed`, value: leg.overAtKill }]
      : []),
    ...(kind === 'runs go on meanwhile'
      ? [{ what: `${how}: runs that stayed or ended because they had moved on, and said so`, value: leg.movedOn }]
      : [exactly(`${how}: predictions that are not what the change was made for`, leg.notAsDesigned.length, 0)]),
    exactly(
      `${how}: runs that did otherwise than ${kind === 'runs go on meanwhile' ? 'was said of them' : 'predicted'}`,
      leg.notAsPredicted.length,
      0,
    ),
    exactly(`${how}: runs lost, or with a log that does not replay`, leg.lost.length, 0),
    exactly(`${how}: silent changes`, leg.silent.length, 0),
  )
}
rmSync(older, { recursive: true, force: true })
const left = kinds.slice(0, kinds.length - legs.length).map((kind) => `upgrade ${kind} was not run`)
printReport({ part: 'upgrade', figures, not_run: left, seed: null })
