/**
 * Signing in with a browser: a key is exchanged for a session, whose token lives in a cookie that no script can read.
 * The guard has refused pages of other origins before anything here is reached.
 */
import { getConnInfo } from '@hono/node-server/conninfo'
import type { Context, Hono } from 'hono'
import { ok, type Result } from '../failure.ts'
import type { Authentication } from './authenticate.ts'
import { failureResponse } from './failure-to-http.ts'
import { parseJson } from './parse-json.ts'
import { readBody } from './read-body.ts'
import type { RouteVariables } from './route-variables.ts'

const BODY_BYTES = 1_000

export const addressOf = (c: Context<RouteVariables>): string => getConnInfo(c).remote.address ?? ''

/** Cookies are shared by all ports of a host: two Quorates there would take each other's away. */
export const cookieName = (port: number): string => `quorate_session_${port}`

export function addSession(app: Hono<RouteVariables>, authentication: Authentication, port: () => number): void {
  const answer = (body: object, headers: Record<string, string> = {}) =>
    Response.json(body, { headers: { 'cache-control': 'no-store', ...headers } })
  const cookie = (c: Context<RouteVariables>, token: string, seconds: number) => {
    // Behind a proxy with TLS only the page's origin says so.
    const secure = c.req.raw.headers.get('origin')?.startsWith('https:') ? '; Secure' : ''
    return `${cookieName(port())}=${token}; Path=/; HttpOnly; SameSite=Strict; Max-Age=${seconds}${secure}`
  }

  app.get('/session', (c) => {
    c.set('route', '/session')
    const { name, permissions, expires_at } = c.get('caller')
    return answer({ authentication: authentication.mode, name, permissions, expires_at })
  })

  app.post('/session', async (c) => {
    c.set('route', '/session')
    const key = await keyIn(c.req.raw)
    if (!key.ok) return failureResponse(key.failure)
    const signed = await authentication.signIn(key.value, addressOf(c))
    if (!signed.ok) return failureResponse(signed.failure)
    const { caller, token, seconds } = signed.value
    const { name, permissions, expires_at } = caller
    return answer(
      { authentication: authentication.mode, name, permissions, expires_at },
      { 'set-cookie': cookie(c, token, seconds) },
    )
  })

  app.delete('/session', async (c) => {
    c.set('route', '/session')
    await authentication.signOut(c.req.raw.headers, cookieName(port()))
    return new Response(null, { status: 204, headers: { 'set-cookie': cookie(c, '', 0) } })
  })
}

/** What is no key comes out as one that nobody has: it is counted as an attempt. */
async function keyIn(request: Request): Promise<Result<string>> {
  const text = await readBody(request, BODY_BYTES)
  if (!text.ok) return text
  const json = parseJson(text.value, { depth: 2 })
  if (!json.ok) return json
  const body = json.value
  const key = typeof body === 'object' && body !== null && !Array.isArray(body) ? body.key : null
  return ok(typeof key === 'string' ? key.trim() : '')
}
