/**
 * What a status outside the expected ones means for the task. Only a refusal says that the work was not begun (duty A7):
 * a 502 or 503 may come from a gateway behind which the work was done, and a 303 is how many services confirm it.
 */
import { excerpt, type FailureKind, fail, type Result } from '../../failure.ts'

const kinds: { [status: number]: FailureKind } = {
  400: 'invalid_input',
  401: 'unauthenticated',
  403: 'forbidden',
  404: 'not_found',
  405: 'unsupported',
  408: 'timeout',
  409: 'conflict',
  410: 'not_found',
  413: 'too_large',
  422: 'invalid_input',
  429: 'busy',
  504: 'timeout',
}

const remedies: Partial<Record<FailureKind, string>> = {
  unauthenticated: 'check the key in settings.headers',
  forbidden: 'check what the key in settings.headers may do',
  not_found: 'check settings.url',
  unsupported: 'check settings.method',
}

/** @param said The body, without secrets. */
export function statusFailure(response: Response, url: URL, said: string, method: string): Result<never> {
  const { status } = response
  if (status >= 300 && status < 400) {
    const certainlyNotBegun = method === 'GET' || status === 307 || status === 308
    return fail(
      certainlyNotBegun ? 'refused' : 'agent_failed',
      `${url.host} answered with a redirect (${status}), which is not followed`,
      {
        field: 'settings.url',
        remedy: 'write the address to which it leads',
      },
    )
  }
  const after = retryAfter(response.headers.get('retry-after'))
  const kind = kinds[status] ?? 'agent_failed'
  const remedy = remedies[kind]
  return fail(
    kind,
    `${url.host} answered with status ${status}${said.trim() ? `: ${excerpt(said.trim(), 200)}` : ''}`,
    {
      value: String(status),
      ...(remedy && { remedy }),
      ...(after !== null && { retry_after_s: after }),
    },
  )
}

/** RFC 9110, 10.2.3: seconds, or a date. At most a day: what a server asks for is data. */
function retryAfter(text: string | null): number | null {
  if (text === null) return null
  const seconds = /^\s*\d+\s*$/.test(text) ? Number(text) : (Date.parse(text) - Date.now()) / 1000
  return Number.isFinite(seconds) ? Math.min(Math.max(Math.ceil(seconds), 0), 86_400) : null
}
