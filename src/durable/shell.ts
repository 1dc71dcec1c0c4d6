/**
 * The durable shell: runs on the engine, nothing of the engine outside this folder.
 *
 * Invariants:
 *  D1. What was accepted (a run, a signal) is in the database before the answer goes out; the engine is told afterwards.
 *  D2. The engine's folder may be deleted at any time: all runs go on from their event logs.
 */
import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { v7 as uuidv7 } from 'uuid'
import type { Configuration } from '../configuration/configuration.ts'
import { fail, ok, type Result } from '../failure.ts'
import type { Fleet, OutsideBudgets } from '../fleet/fleet.ts'
import type { Runs } from '../operations/operation.ts'
import type { Planner } from '../planning/planner.ts'
import { instantiate } from '../planning/templates.ts'
import type { Store } from '../store/store.ts'
import { stepAddress } from '../workflow/command.ts'
import type { RunEvent, RunInput } from '../workflow/event.ts'
import { type Course, feedCourse, newCourse } from '../workflow/fold.ts'
import { forkInSteps } from '../workflow/fork.ts'
import { hasEnded } from '../workflow/run-state.ts'
import type { Json, Value } from '../workflow/value.ts'
import { openCourses, sourceLog } from './courses.ts'
import { buildHash, type Deployment, deploy } from './deployment.ts'
import { openDispatcher } from './dispatcher.ts'
import { openDrives } from './drives.ts'
import { openEars } from './ears.ts'
import { openElapsedTimers } from './elapsed-timers.ts'
import { openEngineCalls } from './engine-calls.ts'
import { type Engine, startEngine } from './engine-process.ts'
import { openEventWriter } from './event-writer.ts'
import { openFlights } from './flights.ts'
import { inTurns } from './in-turns.ts'
import type { Logger } from './logger.ts'
import { DEEPEST, depthOf } from './nesting.ts'
import { owes, tellParent } from './open-run.ts'
import { resume } from './resume.ts'
import { openMayHaveBegun, pinBudget } from './run-budgets.ts'
import { rowOf } from './run-row.ts'
import { driveSegment } from './segment.ts'
import { servicesOf } from './services.ts'
import type { Shell } from './shell-contract.ts'
import { performStep, type StartMore, type StepContext } from './steps.ts'
import { boundAgents, settleChange } from './upgrade.ts'
import { usualVotes } from './usual-votes.ts'
import { keepValue } from './values.ts'

export type DurableRuns = Runs & {
  /** Process id of the engine, for supervision and for tests that kill it. */
  engine_pid: () => number | null
  /** In flight and waiting to be stored, for /metrics. */
  stats: () => { flights: number; unstored_batches: number; engine_restarts: number }
  close: () => Promise<void>
}

export type ShellParts = {
  configuration: Configuration
  store: Store
  fleet: Fleet
  planner: Planner
  /** Budgets that several runs draw on; the shell closes them. */
  budgets?: OutsideBudgets
  logger: Logger
  now: () => number
  /** Version of the program, for the logs of runs. */
  version: string
  /** An engine that is starting already, while the other parts were opened; without it one is started here. */
  engine?: Promise<Result<Engine>>
}

const SWEEP_MS = 5_000
/** The engine in its folder of the data directory. */
export async function startEmbeddedEngine(configuration: Configuration, logger: Logger): Promise<Result<Engine>> {
  const dir = join(configuration.data_dir, 'engine')
  await mkdir(dir, { recursive: true, mode: 0o700 })
  return startEngine(dir, logger)
}

export async function openShell(parts: ShellParts): Promise<Result<DurableRuns>> {
  const { configuration, store, fleet, planner, logger, now, version } = parts
  const build = buildHash()
  const starting = parts.engine ?? startEmbeddedEngine(configuration, logger)

  const courses = openCourses(store)
  const writer = openEventWriter(store, logger)
  const flights = openFlights()
  const ears = openEars()
  const timers = openElapsedTimers(() => performance.now(), now)
  const { max_parallel_workflows, queued_runs } = configuration.limits
  const calls = openEngineCalls()
  const dispatcher = openDispatcher(max_parallel_workflows, calls.segment)
  const { budgets } = parts
  const mayHaveBegun = await openMayHaveBegun(store, now())
  const context: StepContext = { store, fleet, planner, now, budgets, mayHaveBegun, start: startChild }

  const shell: Shell = {
    store,
    courses,
    writer,
    flights,
    ears,
    dispatcher,
    drives: openDrives(dispatcher, (run, opened) => driveSegment(shell, run, opened)),
    timers,
    budgets,
    now,
    version,
    quick_agents: () => fleet.quick_agents(),
    settleChange: (run, seq, mail) => settleChange(shell, run, seq, mail),
    perform: (run, step) => flights.once(run, stepAddress(step), (signal) => performStep(context, run, step, signal)),
    performCall: async (run, step) => ((await owes(shell, run, step)) ? shell.perform(run, step) : null),
    call: (run, step) => calls.call(run, step, `${run}/${stepAddress(step)}`),
    arm(run, timer, due) {
      const delay = Math.max(0, due - now())
      timers.set(run, timer, due, delay)
      return calls.timer(run, timer, due, delay)
    },
    async timerDue(run, timer, due) {
      timers.fired(run, timer, due)
      const at = Math.max(now(), due)
      await shell.post(run, `timer:${timer}:${due}`, { at, type: 'timer_fired', data: { timer } } as RunInput)
    },
    async post(run, eid, mail) {
      await store.inbox.put(run, eid, mail)
      poke(run)
    },
  }

  /** Mail is stored; somebody has to read it: the segment that waits for it, or a new one. */
  function poke(run: string): void {
    if (!ears.arrived(run)) dispatcher.wake(run)
  }

  async function startChild(child: Parameters<StepContext['start']>[0]): ReturnType<StepContext['start']> {
    const goal = (await store.runs.get(child.parent.run))?.goal ?? child.parent.stage
    let definition = await store.definitions.get(child.definition)
    if (definition === null) {
      // A template can be named as it is; its own goal is that of the run which starts it.
      const template = instantiate(child.definition, { goal, inputs: {} })
      if (!template.ok)
        return {
          started: false,
          reason: `no definition ${child.definition} is stored, and: ${template.failure.message}`,
        }
      definition = await store.definitions.put(template.value, 'template', `for ${child.parent.run}`)
    }
    const depth = await depthOf(store, child.parent.run)
    if (depth >= DEEPEST)
      return { started: false, reason: `runs may start each other ${DEEPEST} deep, this would be ${depth + 1}` }
    const created = await create(
      child.run,
      'workflow',
      definition.definition.goal ?? goal,
      definition.hash,
      child.inputs,
      child.parent.run,
      { parent: child.parent, budget: child.budget, decomposition: child.decomposition },
    )
    if (!created.ok && created.failure.kind !== 'conflict') return { started: false, reason: created.failure.message }
    return { started: true }
  }

  async function create(
    run: string,
    kind: 'workflow' | 'swarm',
    goal: string | null,
    definition: string | null,
    inputs: { [name: string]: Value },
    by: string,
    { parent, budget, decomposition }: StartMore = {},
  ): Promise<Result<{ run: string }>> {
    const at = now()
    const input: RunInput<'run_started'> = {
      at,
      type: 'run_started',
      data: { goal, definition, inputs, by, ...(parent === undefined ? {} : { parent }), program: version },
    }
    const pinned = pinBudget(configuration.budgets.prices, budget)
    if (pinned !== undefined) input.data.budget = pinned
    Object.assign(input.data, usualVotes(configuration))
    if (decomposition !== undefined) input.data.decomposition = decomposition
    await courses.prepare(input)
    if (definition !== null) Object.assign(input.data, await boundAgents(fleet, courses.definitionOf(definition)))
    const course = newCourse(run)
    // The first turn is made here, so that the log holds whole turns from its first commit on.
    const { events } = feedCourse(courses.definitionOf, course, input)
    return keep(kind, course, events)
  }

  /** Stores a run whose first turns are made already, and has it dispatched. */
  async function keep(
    kind: 'workflow' | 'swarm',
    course: Course,
    events: RunEvent[],
  ): Promise<Result<{ run: string }>> {
    const { state } = course
    const { run, parent } = state
    const row = rowOf(state, courses.definitionOf)
    const begun = hasEnded(state.status as never) ? {} : { status: 'queued' as const, reason: 'waits for a place' }
    const created = await store.runs.create(
      {
        ...(row as Required<typeof row>),
        id: run,
        kind,
        parent: parent?.run ?? null,
        created_at: now(),
        epoch: 0,
        mail: 0,
        ...begun,
      },
      events,
    )
    if (!created.ok) return created
    if (parent === null) dispatcher.begin(run)
    // A child must not wait behind runs that wait for their own children; one that ended at once has no segment to tell of it.
    else if (hasEnded(state.status as never)) await tellParent(shell, state)
    else dispatcher.wake(run)
    return ok({ run })
  }

  const full = (): Result<never> | null => {
    const { queued } = dispatcher.status()
    if (queued < queued_runs) return null
    return fail('busy', `${queued} runs wait already, the limit is ${queued_runs}`, {
      retry_after_s: 10,
      remedy: 'Try again later, or raise limits.queued_runs.',
    })
  }

  const kept = async (inputs: { [name: string]: Json }): Promise<{ [name: string]: Value }> =>
    Object.fromEntries(
      await Promise.all(
        Object.entries(inputs).map(async ([name, value]) => [name, await keepValue(store, value)] as const),
      ),
    )

  /** In this order: what was asked of the engine ends with it. */
  const stop = async (engine: Engine | null, deployment: Deployment | null): Promise<void> => {
    dispatcher.close()
    calls.close()
    await engine?.stop()
    await flights.close()
    await deployment?.close()
    writer.close()
    await shell.drives.settled()
    await writer.settled()
  }

  const unfinished = await store.runs.unfinished()
  // They need not wait for the engine, which would invoke them again by itself some time after it is up; it then joins.
  const executed = unfinished.filter(({ status }) => status === 'running' || status === 'planning').map(({ id }) => id)
  shell.drives.take_up(executed, dispatcher.wake)

  const started = await starting
  if (!started.ok) {
    await stop(null, null)
    return started
  }
  const engine = started.value
  const services = servicesOf(shell)
  const registered = await deploy({ engine, dir: configuration.data_dir, services, store, logger, build })
  if (!registered.ok) {
    await stop(engine, null)
    return registered
  }
  const deployment = registered.value
  calls.begin(engine)
  let restarts = 0
  engine.on_restart(() => {
    restarts++
    dispatcher.engineIsBack()
  })

  await resume({ store, dispatcher, unfinished, fresh: engine.fresh, stranded: deployment.stranded })
  const sweep = setInterval(() => {
    for (const { run, timer, due } of timers.overdue(SWEEP_MS))
      shell.timerDue(run, timer, due).catch(() => timers.set(run, timer, due, 0))
    // What was stored for a run whose wake got lost on the way.
    if (engine.ready())
      void store.inbox.waiting().then(
        (runs) => runs.slice(0, 1_000).forEach(poke),
        () => undefined,
      )
  }, SWEEP_MS)
  sweep.unref()

  return ok({
    async start(request) {
      return (
        full() ??
        create(
          request.run ?? `run_${uuidv7()}`,
          request.kind,
          request.goal,
          request.definition,
          await kept(request.inputs),
          request.by,
          { budget: request.budget },
        )
      )
    },
    async fork({ source, run = `run_${uuidv7()}`, inputs, ...request }) {
      const busy = full()
      if (busy !== null) return busy
      const row = await store.runs.get(source)
      if (row === null)
        return fail('not_found', `there is no run ${source}`, {
          field: 'run',
          value: source,
          remedy: 'List the runs with GET /runs.',
        })
      if (request.definition !== undefined)
        await courses.prepare({
          type: 'run_started',
          data: { definition: request.definition } as RunInput<'run_started'>['data'],
        })
      const log = await sourceLog(store, courses, source)
      const wish = { ...request, run, now: now(), ...(inputs === undefined ? {} : { inputs: await kept(inputs) }) }
      const forked = await inTurns(forkInSteps(log, wish, courses.definitionOf))
      if (!forked.ok) return forked
      const { course, events, forked_from, left_out } = forked.value
      // The first segment finds no cursor, folds this log, arms its timers and asks for what is owed.
      const created = await keep(row.kind, course, events)
      return created.ok ? ok({ run, forked_from, left_out }) : created
    },
    async send(run, eid, input) {
      const row = await store.runs.get(run)
      if (row === null)
        return fail('not_found', `there is no run ${run}`, {
          field: 'run',
          value: run,
          remedy: 'List the runs with GET /runs.',
        })
      if (hasEnded(row.status))
        return fail('conflict', `run ${run} has ended (${row.status})`, {
          field: 'run',
          value: run,
          remedy: 'Nothing can be sent to a run that has ended.',
        })
      const data = { ...input.data }
      if ('data' in data) data.data = await keepValue(store, data.data as Json)
      else if ('output' in data) data.output = await keepValue(store, data.output as Json)
      const n = await store.inbox.put(run, eid, { at: now(), type: input.type, data } as RunInput)
      poke(run)
      return ok({ mail: n })
    },
    queue: () => dispatcher.status(),
    async engine() {
      const trouble = writer.trouble()
      if (trouble !== null) return { ok: false, detail: `events cannot be stored: ${trouble}` }
      return engine.ready()
        ? { ok: true, detail: `pid ${engine.pid()}, restarted ${restarts} times` }
        : { ok: false, detail: 'the engine is being started again' }
    },
    engine_pid: () => engine.pid(),
    stats: () => ({ flights: flights.size(), unstored_batches: writer.pending(), engine_restarts: restarts }),
    async close() {
      clearInterval(sweep)
      budgets?.close()
      await stop(engine, deployment)
    },
  })
}
