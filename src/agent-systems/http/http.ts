/** Any service that takes a task as one HTTP request and answers with its output. */
import { z } from 'zod'
import { secretReference } from '../../agents/agent.ts'
import { honourSchema } from '../../agents/honour-schema.ts'
import { parseJson } from '../../agents/parse-json.ts'
import { excerpt, fail, ok, type Result } from '../../failure.ts'
import { effectClass } from '../../workflow/definition.ts'
import { duration, durationText, milliseconds } from '../../workflow/duration.ts'
import type { Json } from '../../workflow/value.ts'
import type {
  AgentSystem,
  AgentSystemContext,
  AgentTask,
  Health,
  ModelAccess,
  PerformContext,
  Performed,
} from '../agent-system.ts'
import { contain } from '../contain.ts'
import { type HideSecrets, hideSecrets } from '../hide-secrets.ts'
import { interrupted } from '../interrupted.ts'
import { accessFor, accessProblem, fillAccess, namesAccess } from '../model-access.ts'
import { outboundFailure } from '../outbound-guard.ts'
import { readLimited } from './read-limited.ts'
import { statusFailure } from './status-failure.ts'
import { addressProblem, atPointer, bodyProblem, fillAddress, fillBody, textsIn } from './template.ts'

const headerName = z.string().regex(/^[!#$%&'*+.^_`|~0-9A-Za-z-]{1,100}$/, 'a header name')
const pointer = z
  .string()
  .max(1_000)
  .regex(/^(\/([^~/]|~[01])*)*$/, 'a JSON pointer, such as /choices/0/text')
const noLineBreak = (text: string) => !/[\r\n\0]/.test(text)

const address = z
  .string()
  .max(4_000)
  .superRefine((text, context) => {
    const problem = addressProblem(text)
    if (problem) context.addIssue({ code: 'custom', message: problem })
  })

const headerValue = z
  .string()
  .max(8_000)
  .refine(noLineBreak, 'no line break')
  .superRefine((text, context) => {
    const problem = accessProblem(text)
    if (problem) context.addIssue({ code: 'custom', message: problem })
  })

const bodyTemplate = (z.json() as z.ZodType<Json>).superRefine((template, context) => {
  const problem = bodyProblem(template)
  if (problem) context.addIssue({ code: 'custom', message: problem })
})

const settings = z
  .strictObject({
    url: address.meta({ description: 'Where tasks go; {{input.name}} may be a whole segment of its path' }),
    method: z.enum(['GET', 'POST', 'PUT', 'PATCH', 'DELETE']).default('POST'),
    headers: z.record(headerName, headerValue).default({}).meta({
      description: 'Literal values, or references to secrets (env:NAME, file:PATH); {{gateway.key}} within one',
    }),
    body: bodyTemplate.optional().meta({
      description: 'JSON in which a string that is "{{name}}" is replaced by that value of the task',
      examples: [{ question: '{{instructions}}', document: '{{input.document}}' }],
    }),
    output: z
      .union([z.enum(['json', 'text']), pointer.min(1)])
      .default('json')
      .meta({
        description: 'The whole answer as JSON or as text, or a JSON pointer to the output within it',
      }),
    usage: z.strictObject({ input_tokens: pointer.optional(), output_tokens: pointer.optional() }).prefault({}),
    timeout: duration
      .refine((text) => milliseconds(text) > 0 && milliseconds(text) < 2 ** 31, 'between 1ms and 24d')
      .default('5m'),
    max_bytes: z.int().min(1).max(100_000_000).default(1_000_000),
    success: z
      .array(z.int().min(200).max(299))
      .min(1)
      .max(100)
      .optional()
      .meta({ description: 'All of 2xx when absent' }),
    idempotency_header: headerName
      .optional()
      .meta({ description: 'Set it when the service keeps its promise: then a task may be sent twice' }),
    reconcile: z
      .strictObject({
        url: address.meta({
          description: 'Asked with GET: 2xx = it happened, 404 or 410 = it did not',
          examples: ['https://tickets.example.com/by-key/{{effect_key}}'],
        }),
        output: z
          .union([z.enum(['json', 'text']), pointer.min(1)])
          .optional()
          .meta({ description: 'Where the output is in that answer; as in the answer to the task when absent' }),
      })
      .optional()
      .meta({
        description:
          'Where to ask what became of a request whose answer was lost. The service must know of it from the moment it accepts it',
      }),
    health_url: address
      .optional()
      .meta({ description: 'Asked with GET, must answer 2xx; without it any answer to HEAD will do' }),
    effect: effectClass.optional(),
  })
  .refine((s) => s.method !== 'GET' || s.body === undefined, { path: ['body'], error: 'GET has no body' })
  .refine((s) => s.health_url === undefined || !s.health_url.includes('{{'), {
    path: ['health_url'],
    error: 'no placeholders here',
  })
export type HttpSettings = z.infer<typeof settings>

const defaultBody: Json = { goal: '{{goal}}', role: '{{role}}', instructions: '{{instructions}}', input: '{{input}}' }

const effectOf = ({ effect, method, idempotency_header, reconcile }: HttpSettings) =>
  effect ?? (method === 'GET' ? 'pure' : idempotency_header ? 'idempotent' : reconcile ? 'reconcilable' : 'unsafe')

export const http: AgentSystem<HttpSettings> = {
  contract: 'agent-system-v1',
  name: 'http',
  title: 'An HTTP service',
  settings,
  effect: effectOf,
  quick: false,
  open: (options, context) => {
    const asked = options.reconcile
    return ok({
      host: `http:${new URL(options.url).host}`,
      check: (signal) => check(options, context, signal),
      ...([...Object.values(options.headers), ...textsIn(options.body ?? null)].some(namesAccess) && {
        model: () => null,
      }),
      perform: (task, during) => contain(() => perform(options, context, task, during)),
      ...(asked === undefined
        ? {}
        : {
            reconcile: (task: AgentTask, during: PerformContext) =>
              contain(() => reconcile(options, asked, context, task, during)),
          }),
      close: async () => {},
    })
  },
}

async function check(options: HttpSettings, context: AgentSystemContext, signal: AbortSignal): Promise<Health> {
  const headers = headersOf(options, context)
  if (!headers.ok) return { ok: false, detail: headers.failure.message }
  const url = new URL(options.health_url ?? new URL('/', options.url))
  const method = options.health_url ? 'GET' : 'HEAD'
  // The keys are for the agent's own address.
  const own = url.origin === new URL(options.url).origin ? { headers: headers.value.headers } : {}
  try {
    const response = await context.fetch(url.href, { method, ...own, redirect: 'manual', signal })
    await response.body?.cancel()
    const healthy = options.health_url ? response.ok : true
    return { ok: healthy, detail: `${url.host} answers with ${response.status}` }
  } catch (error) {
    return { ok: false, detail: headers.value.hide.text(outboundFailure(error, url).failure.message) }
  }
}

type Headers = { headers: { [name: string]: string }; hide: HideSecrets }

/** Headers that name the gateway are left out where no key was given. */
function headersOf(
  options: HttpSettings,
  context: AgentSystemContext,
  access: ModelAccess | null = null,
): Result<Headers> {
  const headers: { [name: string]: string } = {}
  const secrets: string[] = access === null ? [] : [access.key]
  for (const [name, value] of Object.entries(options.headers)) {
    if (access === null && namesAccess(value)) continue
    const resolved = secretReference.safeParse(value).success ? context.secret(value) : null
    if (resolved && !resolved.ok)
      return { ok: false, failure: { ...resolved.failure, field: `settings.headers.${name}` } }
    const text = resolved?.value ?? (access === null ? value : fillAccess(value, access))
    // Characters beyond Latin-1 make fetch throw an error that quotes the value.
    if (!noLineBreak(text) || /[\u0100-\u{10ffff}]/u.test(text)) {
      return fail('invalid_input', 'the value of this header contains characters that a header cannot carry', {
        field: `settings.headers.${name}`,
      })
    }
    headers[name] = text
    if (resolved) secrets.push(text)
  }
  // `Bearer xyz` as one secret: xyz alone is one as well.
  return ok({
    headers,
    hide: hideSecrets(secrets.flatMap((secret) => [secret, ...secret.split(' ').filter((word) => word.length >= 8)])),
  })
}

async function perform(
  options: HttpSettings,
  context: AgentSystemContext,
  task: AgentTask,
  during: PerformContext,
): Promise<Result<Performed>> {
  const { signal } = during
  if (signal.aborted) return interrupted(signal)
  const url = fillAddress(options.url, task)
  if (!url.ok) return url
  let hidden = (text: string): string => text
  const texts = [...Object.values(options.headers), ...textsIn(options.body ?? null)]
  const access = await accessFor(texts, during, (text) => hidden(text))
  if (!access.ok) return access
  const body = options.method === 'GET' ? null : fillBody(options.body ?? defaultBody, task, access.value)
  if (body && !body.ok) return body
  const headers = headersOf(options, context, access.value)
  if (!headers.ok) return headers
  const { hide } = headers.value
  hidden = hide.text

  const answer = await exchange(options, context, url.value, hide, signal, {
    method: options.method,
    headers: requestHeaders(options, headers.value.headers, task, body !== null),
    body: body ? JSON.stringify(body.value) : null,
  })
  if (!answer.ok) return answer
  const { response, text, said } = answer.value
  const expected = options.success ? options.success.includes(response.status) : response.ok
  if (!expected) return statusFailure(response, url.value, said, options.method)
  return performed(options, options.output, task, text, said, hide)
}

/** Asks the destination itself. Only its yes or no counts: whatever else it says leaves the question open. */
async function reconcile(
  options: HttpSettings,
  { url: template, output = options.output }: NonNullable<HttpSettings['reconcile']>,
  context: AgentSystemContext,
  task: AgentTask,
  { signal }: PerformContext,
): Promise<Result<Performed | null>> {
  if (signal.aborted) return interrupted(signal)
  const url = fillAddress(template, task)
  if (!url.ok) return url
  const headers = headersOf(options, context)
  if (!headers.ok) return headers
  const { hide } = headers.value
  const asking: HttpSettings = { ...options, method: 'GET', effect: 'pure' }
  // The keys are for the agent's own address.
  const own = url.value.origin === new URL(options.url).origin ? headers.value.headers : {}
  const answer = await exchange(asking, context, url.value, hide, signal, {
    method: 'GET',
    headers: requestHeaders(asking, own, task, false),
    body: null,
  })
  if (!answer.ok) return answer
  const { response, text, said } = answer.value
  if (response.status === 404 || response.status === 410) return ok(null)
  if (!response.ok) return statusFailure(response, url.value, said, 'GET')
  return performed(options, output, task, text, said, hide)
}

/** One request and its whole answer. `said` is the text without secrets. */
async function exchange(
  options: HttpSettings,
  context: AgentSystemContext,
  url: URL,
  hide: HideSecrets,
  signal: AbortSignal,
  request: { method: string; headers: { [name: string]: string }; body: string | null },
): Promise<Result<{ response: Response; text: string; said: string }>> {
  const limit = AbortSignal.timeout(milliseconds(options.timeout))
  let response: Response
  let text: string | null
  try {
    response = await context.fetch(url.href, {
      ...request,
      redirect: 'manual',
      signal: AbortSignal.any([signal, limit]),
    })
    text = await readLimited(response, options.max_bytes)
  } catch (error) {
    if (signal.aborted) return interrupted(signal)
    return noAnswer(error, limit.aborted, options, url, hide)
  }
  if (text === null) {
    return fail('limit_exceeded', `${url.host} answered with more than ${options.max_bytes} bytes`, {
      field: 'settings.max_bytes',
      remedy: 'raise max_bytes',
    })
  }
  return ok({ response, text, said: hide.text(text) })
}

function requestHeaders(
  options: HttpSettings,
  own: { [name: string]: string },
  task: AgentTask,
  hasBody: boolean,
): { [name: string]: string } {
  const key =
    options.method === 'GET'
      ? {}
      : { [options.idempotency_header ?? 'Idempotency-Key']: encodeURIComponent(task.effect_key.toWellFormed()) }
  const type = hasBody ? { 'content-type': 'application/json' } : {}
  const all: { [name: string]: string } = { accept: 'application/json, text/plain;q=0.9, */*;q=0.1', ...type }
  // Header names differ in capitals only: the person's own win, and the key is always ours.
  for (const [name, value] of [...Object.entries(own), ...Object.entries(key)]) all[name.toLowerCase()] = value
  return all
}

function noAnswer(error: unknown, late: boolean, options: HttpSettings, url: URL, hide: HideSecrets): Result<never> {
  const { failure, sent } = late
    ? {
        failure: {
          kind: 'timeout' as const,
          message: `${url.host} did not answer within ${durationText(milliseconds(options.timeout))}`,
          field: 'settings.timeout',
          remedy: 'raise timeout, or look at the load of the service',
        },
        sent: true,
      }
    : outboundFailure(error, url)
  const hidden = { ...failure, message: hide.text(failure.message) }
  if (!sent) return { ok: false, failure: hidden }
  // A7: `unavailable` would say that the work was certainly not begun.
  if (effectOf(options) !== 'unsafe') return { ok: false, failure: late ? hidden : { ...hidden, kind: 'agent_failed' } }
  return fail('effect_unknown', `${hidden.message}; the request had been sent`, {
    remedy: 'look at the service, or set idempotency_header if it supports one',
  })
}

function performed(
  options: HttpSettings,
  at: string,
  task: AgentTask,
  raw: string,
  said: string,
  hide: HideSecrets,
): Result<Performed> {
  const wantsText = at === 'text'
  const parsed = parseJson(raw)
  // A failure quotes a part of the text, so it is made from the one without secrets.
  if (!parsed.ok && !wantsText) return asFailure(parseJson(said))
  const whole = parsed.ok ? hide.value(parsed.value) : null
  const output = wantsText ? said : at === 'json' ? whole : atPointer(whole, at)
  if (output === undefined) {
    return fail('output_invalid', `the answer has nothing at ${excerpt(at)}`, {
      field: 'settings.output',
      value: excerpt(said),
    })
  }
  const checked = honourSchema(task.output_schema, output)
  if (!checked.ok) return checked
  const tokens = (where: string | undefined) => {
    const count = where === undefined ? undefined : atPointer(whole, where)
    return typeof count === 'number' && Number.isInteger(count) && count >= 0 ? count : null
  }
  const usage = {
    input_tokens: tokens(options.usage.input_tokens),
    output_tokens: tokens(options.usage.output_tokens),
    calls: 1,
  }
  return ok({ output: checked.value, usage, model: null })
}

/** Cleaned of secrets, the text could parse where it did not before; an answer that was no JSON stays none. */
const asFailure = (result: Result<Json>): Result<never> =>
  result.ok ? fail('output_invalid', 'the answer is not JSON') : result
