/**
 * From a filled division form to the definition of the run that works off the parts. Pure: same division, same definition.
 *
 * 1. Text is cleaned; a part without a word in it says what its capability does; a part said twice is dropped.
 * 2. `and`: one stage after the other, each with the results of all before it; the first that fails fails the run. The
 *    last gives the result: it has the output schema and the condition of the whole task.
 * 3. `or`: the next stage begins only when the one before it has failed; each has schema and condition of the whole task.
 * 4. Every part keeps the effect class, time-out, attempts and output limit of the whole task.
 * 5. An input that no part reads is read by all of them: nothing that was handed in is left aside.
 */
import { GIVES_RESULT } from '../workflow/decomposition/limits.ts'
import type { Definition, Stage, Task } from '../workflow/definition.ts'
import type { Json } from '../workflow/value.ts'
import type { Division } from './division-form.ts'
import { clean, hasWord, planName, sentence } from './plan-text.ts'
import type { DivisionRequest } from './planner.ts'

export type Part = { capability: string; does: string; reads?: string }

/** The parts as they will be asked for: cleaned, and each only once. */
export function partsOf({ parts }: Division): Part[] {
  const said = new Set<string>()
  return parts.flatMap((part) => {
    const does = hasWord(clean(part.does))
      ? sentence(clean(part.does))
      : `Do the ${part.capability.replaceAll('_', ' ')} that the task needs.`
    const key = does.toLowerCase()
    if (said.has(key)) return []
    said.add(key)
    return [{ ...part, does }]
  })
}

export function divisionToDefinition(
  { logic, analysis }: Pick<Division, 'logic' | 'analysis'>,
  parts: readonly Part[],
  { whole, inputs, success }: Pick<DivisionRequest, 'whole' | 'inputs' | 'success'>,
): Definition {
  const { instructions, output_schema, ...kept } = whole
  const read = new Set(parts.flatMap(({ reads }) => (reads === undefined ? [] : [reads])))
  const unread = inputs.filter(({ name }) => !read.has('all') && !read.has(name))
  // The inputs of a part may be results of parts one level above.
  let results = 'part'
  while (inputs.some(({ name }) => name.startsWith(`${results}_`))) results = `sub${results}`
  const stages = parts.map((part, i): Stage => {
    const last = i === parts.length - 1
    const gives = logic === 'or' || last
    const input: { [name: string]: Json } = {}
    for (const { name } of inputs)
      if (part.reads === 'all' || part.reads === name || unread.some((one) => one.name === name))
        input[name] = `=inputs.${name}`
    if (logic === 'and') for (let n = 1; n <= i; n++) input[`${results}_${n}`] = `=part_${n}.output`
    const task: Task = {
      id: 'part',
      capability: part.capability,
      instructions: logic === 'and' && last ? `${GIVES_RESULT} ${part.does}` : part.does,
      ...kept,
      ...(Object.keys(input).length === 0 ? {} : { input }),
      ...(gives && output_schema !== undefined ? { output_schema } : {}),
      ...(gives && success !== null ? { decompose: { success } } : {}),
    }
    return {
      id: `part_${i + 1}`,
      kind: 'tasks',
      title: part.capability.replaceAll('_', ' ').slice(0, 200),
      tasks: [task],
      on_failure: logic === 'or' && !last ? { then: `part_${i + 2}` } : 'fail',
    }
  })
  const done = (i: number): string => `part_${i}.status == "completed"`
  return {
    apiVersion: 'quorate/v1',
    name: planName(instructions).replace(/^plan_/, 'parts_'),
    description: clean(analysis),
    goal: instructions,
    ...(inputs.length === 0
      ? {}
      : { inputs: Object.fromEntries(inputs.map(({ name }) => [name, { type: 'any' as const }])) }),
    stages,
    success: [
      {
        id: 'reached',
        when: logic === 'and' ? done(parts.length) : parts.map((_, i) => done(i + 1)).join(' || '),
      },
    ],
  }
}
