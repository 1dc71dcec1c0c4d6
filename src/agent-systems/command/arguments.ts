/** The arguments of a command, with values of the task in place of declared placeholders. Never a shell, never split. */
import { z } from 'zod'
import { excerpt, fail, ok, type Result } from '../../failure.ts'
import type { Json } from '../../workflow/value.ts'
import type { AgentTask } from '../agent-system.ts'

/**
 * Which `{name}` in the arguments are placeholders; every other brace stays as it is. A name is an input of the task, or
 * `task.instructions`, `task.goal`, `task.role`.
 */
export const placeholders = z.record(
  z.string().min(1).max(200),
  z.strictObject({
    may_begin_with_dash: z.boolean().default(false).meta({ description: 'Whether the value may look like an option' }),
  }),
)
export type Placeholders = z.infer<typeof placeholders>

/** Linux takes no single argument longer than this (MAX_ARG_STRLEN), whatever the total. */
const LONGEST_ARGUMENT = 131_071

export const placeholdersIn = (argument: string): string[] =>
  [...argument.matchAll(/\{([^{}]+)\}/g)].map(([, name]) => name ?? '')

export function argumentsFrom(templates: readonly string[], declared: Placeholders, task: AgentTask): Result<string[]> {
  const done: string[] = []
  for (const template of templates) {
    const used = placeholdersIn(template).filter((name) => Object.hasOwn(declared, name))
    const values = new Map<string, string>()
    for (const name of used) {
      const value = valueFor(name, task)
      if (value === undefined) {
        return fail('invalid_input', `the command needs ${excerpt(name)}, and the task has no such value`, {
          field: `input.${excerpt(name)}`,
        })
      }
      values.set(name, typeof value === 'string' ? value : JSON.stringify(value))
    }
    const argument = template.replace(/\{([^{}]+)\}/g, (whole, name: string) => values.get(name) ?? whole)
    const problem = used.length > 0 ? problemOf(template, argument, used, declared) : null
    if (problem) return problem
    done.push(argument)
  }
  return ok(done)
}

function problemOf(template: string, argument: string, used: string[], declared: Placeholders): Result<never> | null {
  const [first = ''] = used
  const about = { field: `input.${excerpt(first)}`, value: excerpt(argument) }
  if (argument.startsWith('-') && !template.startsWith('-') && !declared[first]?.may_begin_with_dash) {
    return fail('invalid_input', 'an argument made from input begins with "-" and would be read as an option', {
      ...about,
      remedy: `write the option into the command (--name={${excerpt(first)}}), or declare may_begin_with_dash`,
    })
  }
  if (argument.includes('\0')) return fail('invalid_input', 'an argument cannot contain a NUL character', about)
  if (Buffer.byteLength(argument) > LONGEST_ARGUMENT) {
    return fail('too_large', `an argument of ${Buffer.byteLength(argument)} bytes is more than the system takes`, {
      ...about,
      remedy: 'hand the value over with input: stdin or input: files',
    })
  }
  return null
}

function valueFor(name: string, task: AgentTask): Json | undefined {
  if (Object.hasOwn(task.input, name)) return task.input[name] ?? undefined
  if (name === 'task.instructions') return task.instructions
  if (name === 'task.goal') return task.goal ?? undefined
  return name === 'task.role' ? task.role : undefined
}
