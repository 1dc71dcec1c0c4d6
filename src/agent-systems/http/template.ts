/** Requests by template: data of a task takes the place of whole values and of path segments, and of nothing else. */
import { excerpt, fail, ok, type Result } from '../../failure.ts'
import type { Json } from '../../workflow/value.ts'
import type { AgentTask, ModelAccess } from '../agent-system.ts'
import { accessFields, fillAccess } from '../model-access.ts'

const placeholder = /^\{\{([^{}]+)\}\}$/

const fields = [
  'run',
  'task',
  'attempt',
  'goal',
  'role',
  'agent_instructions',
  'instructions',
  'input',
  'output_schema',
  'max_output_tokens',
  'effect_key',
] as const
type Field = (typeof fields)[number]
const isField = (name: string): name is Field => (fields as readonly string[]).includes(name)

/** What is wrong with a body template, or null. */
export function bodyProblem(template: Json): string | null {
  for (const text of textsIn(template)) {
    const name = placeholder.exec(text)?.[1]
    if (name === undefined && /\{\{.*\}\}/s.test(text))
      return `a placeholder must be the whole value, not a part of it: ${excerpt(text)}`
    if (name !== undefined && !isName(name) && !accessFields.includes(name))
      return `{{${excerpt(name)}}} is nothing that a task has; there are: ${[...fields, ...accessFields].join(', ')}, input.<name>`
  }
  return null
}

/** What is wrong with an address template, or null: placeholders are whole segments of its path. */
export function addressProblem(template: string): string | null {
  if (!URL.canParse(template)) return 'a whole address is needed, such as https://agents.example.com/ask'
  const { protocol, username, password, origin, pathname, search, hash } = new URL(template)
  if (protocol !== 'http:' && protocol !== 'https:') return 'only http and https are supported'
  if (username || password) return 'no user name or password in the address: use a header that refers to a secret'
  if (/\{\{/.test(decoded(origin + search + hash))) return 'placeholders are allowed in the path only'
  for (const segment of decoded(pathname).split('/')) {
    const name = placeholder.exec(segment)?.[1]
    if (name === undefined && segment.includes('{{'))
      return `a placeholder must be a whole segment of the path: ${excerpt(segment)}`
    if (name !== undefined && !isName(name)) return `{{${excerpt(name)}}} is nothing that a task has`
  }
  return null
}

export function fillBody(template: Json, task: AgentTask, access: ModelAccess | null): Result<Json> {
  let missing: string | null = null
  const fill = (part: Json): Json => {
    if (typeof part === 'string') {
      const name = placeholder.exec(part)?.[1]
      if (name === undefined) return part
      const value = accessFields.includes(name) && access ? fillAccess(part, access) : valueFor(name, task)
      if (value === undefined) missing ??= name
      return value ?? null
    }
    if (typeof part !== 'object' || part === null) return part
    if (Array.isArray(part)) return part.map(fill)
    return Object.fromEntries(Object.entries(part).map(([key, item]) => [key, fill(item)]))
  }
  const body = fill(template)
  return missing === null ? ok(body) : missingValue(missing)
}

export function fillAddress(template: string, task: AgentTask): Result<URL> {
  const url = new URL(template)
  const segments: string[] = []
  for (const segment of url.pathname.split('/')) {
    const name = placeholder.exec(decoded(segment))?.[1]
    if (name === undefined) {
      segments.push(segment)
      continue
    }
    const value = valueFor(name, task)
    if (value === undefined || value === null) return missingValue(name)
    const text = typeof value === 'string' ? value : JSON.stringify(value)
    // A dot segment would climb out of the path that the settings name, and an empty one changes which path it is.
    if (text === '' || text === '.' || text === '..' || !text.isWellFormed()) {
      return fail('invalid_input', 'this value cannot be a segment of an address', {
        field: name,
        value: excerpt(text),
      })
    }
    if (text.length > 4_000)
      return fail('too_large', `${text.length} characters are too many for an address`, { field: name })
    segments.push(encodeURIComponent(text))
  }
  url.pathname = segments.join('/')
  return ok(url)
}

/** RFC 6901. `undefined` when nothing is there. */
export function atPointer(value: Json, pointer: string): Json | undefined {
  let at: Json | undefined = value
  for (const part of pointer.split('/').slice(1)) {
    const key = part.replaceAll('~1', '/').replaceAll('~0', '~')
    if (typeof at !== 'object' || at === null || !Object.hasOwn(at, key)) return undefined
    at = (at as { [key: string]: Json })[key]
  }
  return at
}

const missingValue = (name: string): Result<never> =>
  fail('invalid_input', `the request needs ${excerpt(name)}, and the task has no such value`, { field: excerpt(name) })

const isName = (name: string): boolean => isField(name) || /^input\../.test(name)

function valueFor(name: string, task: AgentTask): Json | undefined {
  if (isField(name)) return task[name]
  const key = name.slice('input.'.length)
  return Object.hasOwn(task.input, key) ? task.input[key] : undefined
}

export function textsIn(template: Json): string[] {
  if (typeof template === 'string') return [template]
  return typeof template === 'object' && template !== null ? Object.values(template).flatMap(textsIn) : []
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    return text
  }
}
