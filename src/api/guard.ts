/**
 * Who may talk to a program that listens on this machine: programs and people here, not web
 * pages. A page of another site can send forms to 127.0.0.1, and through a name of its own that resolves to 127.0.0.1
 * (DNS rebinding) it can read answers too. Browsers tell on such requests: `Origin`, `Host`, `Sec-Fetch-Site`. curl
 * and SDKs send none of these but `Host`.
 */
import { excerpt, type Failure } from '../failure.ts'

const loopbackNames = new Set(['localhost', '127.0.0.1', '[::1]'])

/**
 * Null when the request may pass. `host`: the name that the server was told to listen on.
 * With keys, any name is answered to: a page that reaches Quorate by a name of its own carries neither key nor cookie,
 * and names behind proxies cannot be known. Such a proxy may speak TLS, so the page's own origin may be https.
 */
export function guard(headers: Headers, host: string, authentication: 'off' | 'keys'): Failure | null {
  const given = headers.get('host')
  const name = hostName(given ?? '')
  const answersTo = authentication === 'keys' || loopbackNames.has(name ?? '') || name === host.toLowerCase()
  if (name === null || !answersTo) {
    return refused(
      'host',
      given,
      'the Host of this request is not one that Quorate answers to',
      'use http://localhost or http://127.0.0.1',
    )
  }
  const origin = headers.get('origin')
  const own = authentication === 'keys' ? ['http://', 'https://'] : ['http://']
  if (origin !== null && !own.some((scheme) => origin.toLowerCase() === scheme + given?.toLowerCase())) {
    return refused(
      'origin',
      origin,
      'requests from pages of another origin are refused',
      'use Quorate from its own pages, or from a program',
    )
  }
  const site = headers.get('sec-fetch-site')
  if (site !== null && site !== 'same-origin' && site !== 'none') {
    return refused(
      'sec-fetch-site',
      site,
      'requests from pages of another site are refused',
      'use Quorate from its own pages, or type its address',
    )
  }
  return null
}

/** The name in `name`, `name:port`, `[::1]:port`; null when it is none of these. */
function hostName(host: string): string | null {
  return /^([a-z0-9.-]+|\[[0-9a-f:.]+\])(?::\d{1,5})?$/.exec(host.toLowerCase())?.[1] ?? null
}

const refused = (field: string, value: string | null, message: string, remedy: string): Failure => ({
  kind: 'refused',
  message,
  field,
  value: excerpt(value ?? '(none)'),
  remedy,
})

/** On every answer. Pages that need more say so themselves. */
export const safeHeaders: Record<string, string> = {
  'content-security-policy': "default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'",
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-resource-policy': 'same-origin',
  'referrer-policy': 'no-referrer',
  'x-content-type-options': 'nosniff',
  'x-frame-options': 'DENY',
}

/** 127.0.0.0/8, ::1, localhost: what only this machine can reach. */
export const isLoopback = (host: string): boolean =>
  host === 'localhost' || host === '::1' || host === '[::1]' || /^127\.\d{1,3}\.\d{1,3}\.\d{1,3}$/.test(host)
