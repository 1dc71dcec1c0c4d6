/** From events to the state they mean, and to the steps that are still owed. Calls no agent, reads nothing. */
import { type Command, type Step, stepAddress } from './command.ts'
import { isInput, type RunEvent, type RunInput } from './event.ts'
import { answeredStep } from './input-place.ts'
import { advance, type DefinitionOf, newState, type Outcome } from './next.ts'
import type { RunState } from './run-state.ts'

/** A run in hand: its state, and what was asked for and has not come back, in the order it was asked for. */
export type Course = { state: RunState; owed: Map<string, Step> }

export const newCourse = (run: string): Course => ({ state: newState(run), owed: new Map() })

/** Which commands come back as an input. Total, so that a new command has to say. */
const comesBack: { [D in Command['do']]: D extends Step['do'] ? true : false } = {
  plan: true,
  call_agent: true,
  collect: true,
  read_items: true,
  start_run: true,
  divide: true,
  start_timer: false,
  cancel_step: false,
  cancel_child: false,
}
const isStep = (command: Command): command is Step => comesBack[command.do]

/** Feeds one input and keeps the list of owed steps in step with the state. */
export function feedCourse(definitionOf: DefinitionOf, course: Course, input: RunInput): Outcome {
  const answered = answeredStep(input)
  const outcome = advance(definitionOf, course.state, input)
  if (answered !== null) course.owed.delete(answered)
  for (const command of outcome.commands) {
    if (isStep(command)) course.owed.set(stepAddress(command), command)
    else if (command.do === 'cancel_step') course.owed.delete(command.step)
    else if (command.do === 'cancel_child') course.owed.delete(`${command.stage}/run`)
  }
  if (course.state.ended_at !== undefined) course.owed.clear()
  return outcome
}

/** Feeds a stored event again, if it is an input; derived events come out of the inputs by themselves. */
export function foldEvent(definitionOf: DefinitionOf, course: Course, event: RunEvent): Outcome | null {
  if (!isInput[event.type]) return null
  return feedCourse(definitionOf, course, { at: event.at, type: event.type, data: event.data } as RunInput)
}
