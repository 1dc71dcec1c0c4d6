import { z } from 'zod'
import { excerpt, fail, ok } from '../failure.ts'
import type { CallAgent } from '../workflow/command.ts'
import type { Definition } from '../workflow/definition.ts'
import { foldEvent, newCourse } from '../workflow/fold.ts'
import { defineOperation } from './define-operation.ts'
import { findRun } from './find-run.ts'
import { readLog } from './read-log.ts'
import { runIdInput } from './send-mail.ts'

export const get_task = defineOperation({
  name: 'get_task',
  method: 'GET',
  path: '/runs/{id}/task',
  summary: 'What an agent was asked: instructions and input with their values',
  description:
    'Worked out from the log, as a replay does; no agent is asked. Values over 4 kB are references. Without `attempt` the last one so far.',
  needs: 'runs:read',
  input: z.strictObject({
    id: runIdInput,
    task: z.string().min(1).max(1_000).meta({ description: 'Address of a task, such as improve[2].write/draft' }),
    attempt: z.int().min(1).max(100).optional(),
  }),
  output: z.strictObject({
    task: z.string(),
    attempt: z.number(),
    agent: z.string().nullable(),
    capability: z.string().nullable(),
    fallback: z.array(z.string()),
    excluded: z.array(z.string()).meta({ description: 'Agents that failed this task already' }),
    instructions: z.string(),
    input: z.record(z.string(), z.unknown()),
    output_schema: z.unknown(),
    effect: z.string().nullable(),
    timeout_ms: z.number().nullable(),
    max_output_tokens: z.number().nullable(),
    delay_ms: z.number().meta({ description: 'Back-off before this attempt' }),
  }),
  run: async (context, { id, task, attempt }) => {
    const row = await findRun(context, id)
    if (!row.ok) return row
    const definitions = new Map<string, Definition>()
    const definitionOf = (hash: string) => definitions.get(hash) as Definition
    const course = newCourse(row.value.id)
    let asked: CallAgent | null = null
    const read = await readLog(context, row.value, definitions, (events) => {
      for (const event of events)
        for (const command of foldEvent(definitionOf, course, event)?.commands ?? [])
          if (
            command.do === 'call_agent' &&
            command.task === task &&
            (attempt === undefined || command.attempt === attempt)
          )
            asked = command
      return asked === null || attempt === undefined
    })
    if (!read.ok) return read
    // The callback has set it; the compiler does not follow that far.
    const found = asked as CallAgent | null
    if (found === null)
      return fail('not_found', `run ${row.value.id} has asked nobody for ${excerpt(task)}`, {
        field: 'task',
        value: excerpt(task),
        remedy: 'GET /runs/{id} lists its tasks with their addresses and attempts',
      })
    const { do: _, goal: __, ...shown } = found
    return ok(shown)
  },
})
