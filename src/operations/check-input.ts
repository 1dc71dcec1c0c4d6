import { z } from 'zod'
import { excerpt, type Failure, fail, ok, type Result } from '../failure.ts'
import { nearest } from '../workflow/check-definition/nearest.ts'
import type { Operation } from './operation.ts'

/** Problems reported for one input; more would help nobody and make an answer larger than the question. */
const MOST_PROBLEMS = 20

/** What every door does before `run`: the value as the schema gives it back, or all that is wrong with it, by field. */
export function checkInput(operation: Operation, value: unknown): Result<unknown> {
  const parsed = operation.input.safeParse(value, { reportInput: false })
  if (parsed.success) return ok(parsed.data)
  const fields = operation.input instanceof z.ZodObject ? Object.keys(operation.input.shape) : []
  const problems = parsed.error.issues.slice(0, MOST_PROBLEMS).flatMap((issue) => problemsOf(issue, value, fields))
  const first = problems[0]
  if (first === undefined) return fail('invalid_input', 'the input is not what this operation takes')
  const message = problems.length === 1 ? first.message : `${first.message} (and ${problems.length - 1} more)`
  return { ok: false, failure: { ...first, message, ...(problems.length > 1 && { problems }) } }
}

function problemsOf(issue: z.core.$ZodIssue, root: unknown, fields: readonly string[]): Failure[] {
  if (issue.code === 'unrecognized_keys') {
    return issue.keys.slice(0, MOST_PROBLEMS).map((key) => {
      const meant = issue.path.length === 0 ? nearest(key, fields)[0] : undefined
      return {
        kind: 'invalid_input',
        message: `unknown field ${excerpt(pathText([...issue.path, key]), 200)}`,
        field: excerpt(pathText([...issue.path, key]), 200),
        remedy: meant === undefined ? 'remove it, or look up the right name at /docs' : `did you mean ${meant}?`,
      }
    })
  }
  const field = excerpt(pathText(issue.path), 200)
  const value = valueAt(root, issue.path)
  const missing = value === undefined
  return [
    {
      kind: 'invalid_input',
      message: missing
        ? `${field || 'the input'} is missing`
        : `${field || 'the input'}: ${excerpt(issue.message.replace(/^Invalid input: /, ''), 300)}`,
      ...(field !== '' && { field }),
      ...(!missing && { value: shownValue(field, value) }),
      remedy: missing ? `give ${field || 'an object'}` : 'see /docs for what is allowed here',
    },
  ]
}

/** `stages[2].tasks[0].agent` */
export function pathText(path: readonly PropertyKey[]): string {
  let text = ''
  for (const part of path)
    text += typeof part === 'number' ? `[${part}]` : text === '' ? String(part) : `.${String(part)}`
  return text
}

function valueAt(root: unknown, path: readonly PropertyKey[]): unknown {
  let value = root
  for (const part of path) {
    if (typeof value !== 'object' || value === null || !Object.hasOwn(value, part)) return undefined
    value = (value as Record<PropertyKey, unknown>)[part]
  }
  return value
}

/** A refused value is shown, unless its name says that it may be a secret someone wrote in plain. */
function shownValue(field: string, value: unknown): string {
  return /key|secret|token|password|credential|auth/i.test(field) ? '(not shown)' : excerpt(value)
}
