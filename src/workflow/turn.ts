/** One input being worked off: the state it changes, the events it gives, the commands it asks for. */
import { type Command, type Step, stepAddress } from './command.ts'
import type { Definition, Stage, StageKind } from './definition.ts'
import { EVENT_VERSION, type EventData, type EventType, type Metrics, type RunEvent } from './event.ts'
import type { RunState, Scope, StageState } from './run-state.ts'
import type { Value } from './value.ts'

/** Where a stage stands: its own level, its address, and the place of the stage whose body it is in. */
export type Place<S extends Stage = Stage> = {
  stage: S
  address: string
  scope: Scope
  /** The stages of this level. */
  stages: readonly Stage[]
  /** Address prefix of this level: empty at the top, `improve[2].` in a body. */
  prefix: string
  parent: Place | null
}

/** What a kind of stage does. Everything is optional but `start`: what a kind never gets it need not answer. */
export type StageBehaviour<K extends StageKind> = {
  start: (turn: Turn, place: Place<Extract<Stage, { kind: K }>>) => void
  taskSettled?: (turn: Turn, place: Place<Extract<Stage, { kind: K }>>, task: string) => void
  collected?: (turn: Turn, place: Place<Extract<Stage, { kind: K }>>, output: Value, metrics: Metrics) => void
  itemsRead?: (turn: Turn, place: Place<Extract<Stage, { kind: K }>>, read: EventData['items_read']) => void
  timerFired?: (turn: Turn, place: Place<Extract<Stage, { kind: K }>>) => void
  signalReceived?: (turn: Turn, place: Place<Extract<Stage, { kind: K }>>, data: Value) => void
  approvalGiven?: (
    turn: Turn,
    place: Place<Extract<Stage, { kind: K }>>,
    decision: 'approve' | 'refuse',
    comment: string,
  ) => void
  /** A body of this stage has nothing open any more. `failure` is set when a stage in it failed for good. */
  bodyEnded?: (turn: Turn, place: Place<Extract<Stage, { kind: K }>>, body: Scope, failure: string | null) => void
  childFinished?: (turn: Turn, place: Place<Extract<Stage, { kind: K }>>, status: string, output: Value) => void
}

export type Behaviours = { [K in StageKind]: StageBehaviour<K> }

export class Turn {
  readonly events: RunEvent[] = []
  readonly commands: Command[] = []
  /** Work that must not recurse: a chain of ten thousand skipped stages would end the stack. */
  readonly agenda: (() => void)[] = []
  readonly definition: Definition | null
  readonly state: RunState
  readonly at: number
  readonly cause: number
  readonly behaviours: Behaviours
  /** Called when the definition's own level has nothing open any more. */
  readonly topEnded: (failure: string | null) => void
  /** Called when a stage has completed or failed, before what depends on it starts. */
  readonly stageEnding: (place: Place) => void

  constructor(
    definition: Definition | null,
    state: RunState,
    at: number,
    cause: number,
    behaviours: Behaviours,
    hooks: { topEnded: (turn: Turn, failure: string | null) => void; stageEnding: (turn: Turn, place: Place) => void },
  ) {
    this.definition = definition
    this.state = state
    this.at = at
    this.cause = cause
    this.behaviours = behaviours
    this.topEnded = (failure) => hooks.topEnded(this, failure)
    this.stageEnding = (place) => hooks.stageEnding(this, place)
  }

  emit<T extends EventType>(type: T, data: EventData[T]): void {
    this.state.seq += 1
    const event = {
      run: this.state.run,
      seq: this.state.seq,
      at: this.at,
      type,
      v: EVENT_VERSION,
      cause: this.cause,
      data,
    }
    this.events.push(event as RunEvent)
  }

  /** Asks for a step that will come back as an input. */
  ask(step: Step): void {
    this.state.steps[stepAddress(step)] = true
    this.commands.push(step)
  }

  startTimer(timer: string, due: number): void {
    this.state.timers[timer] = due
    this.emit('timer_started', { timer, due })
    this.commands.push({ do: 'start_timer', timer, due })
  }

  dropTimer(timer: string): void {
    delete this.state.timers[timer]
  }

  stageState(place: Place): StageState {
    const state = place.scope.stages[place.stage.id]
    if (state === undefined) throw new Error(`stage ${place.address} has not started`)
    return state
  }

  behaviour<K extends StageKind>(kind: K): StageBehaviour<K> {
    return this.behaviours[kind] as StageBehaviour<K>
  }
}
