/** A dialect of HTTP in which models are asked, and what all dialects need to read requests. */
import type { z } from 'zod'
import { excerpt, type Failure, fail, ok, type Result } from '../failure.ts'
import type { EndpointRequest } from './endpoint.ts'
import type { Holder } from './metered-call.ts'

export type Dialect = {
  /** First part of the path, `/v1`. */
  prefix: string
  /** @param request With the path after the prefix. */
  answer: (request: EndpointRequest, holder: Holder) => Promise<Response>
  /** A failure in the dialect's own shape. */
  refuse: (failure: Failure, status?: number) => Response
}

/** Tells the manager's own model, whatever it is called where it runs. */
export const DEFAULT_MODEL = 'default'

export const modelNamed = (name: string): string | null => (name === DEFAULT_MODEL ? null : name)

/** What a client sent, in the form that is expected; the failure names the first field that is not. */
export function readAs<T>(schema: z.ZodType<T>, body: unknown): Result<T> {
  const parsed = schema.safeParse(body)
  if (parsed.success) return ok(parsed.data)
  const [issue] = parsed.error.issues
  const field = (issue?.path ?? []).reduce<string>(
    (path, part) =>
      typeof part === 'number' ? `${path}[${part}]` : path === '' ? String(part) : `${path}.${String(part)}`,
    '',
  )
  const where = field === '' ? 'the body' : field
  return fail(
    'invalid_input',
    excerpt(`${where}: ${issue?.message ?? 'cannot be read'}`, 300),
    field === '' ? {} : { field },
  )
}

/** Something real servers of the dialect do and this one does not, named instead of ignored. */
export const notOffered = (field: string, what: string, remedy: string): Result<never> =>
  fail('unsupported', `${what} is not offered here.`, { field, remedy })

export const jsonResponse = (status: number, body: unknown, headers: { [name: string]: string } = {}): Response =>
  new Response(JSON.stringify(body), {
    status,
    headers: { 'content-type': 'application/json; charset=utf-8', 'cache-control': 'no-store', ...headers },
  })

export const retryAfter = ({ retry_after_s }: Failure): { [name: string]: string } =>
  retry_after_s === undefined ? {} : { 'retry-after': String(Math.max(1, Math.ceil(retry_after_s))) }
