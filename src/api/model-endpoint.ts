/** The gateway's endpoint on the wire: what a request is, handed on as it is; the dialects are the endpoint's. */
import type { Context, Hono } from 'hono'
import type { ModelEndpoint } from '../gateway/endpoint.ts'
import { parseJson } from './parse-json.ts'
import { readBody } from './read-body.ts'
import type { RouteVariables } from './route-variables.ts'

/** Bytes of one request: a prompt of a million tokens is 4 MB. */
const BODY_BYTES = 16 * 1024 * 1024
const DEPTH = 100

/** @param closing Aborted when the program closes. */
export function addModelEndpoint(app: Hono<RouteVariables>, endpoint: ModelEndpoint, closing: AbortSignal): void {
  const answer = (c: Context<RouteVariables>): Promise<Response> => {
    // Never the path itself: it may contain a key.
    c.set('route', '/gateway/{path}')
    const request = c.req.raw
    return endpoint.handle({
      method: request.method,
      path: c.req.path.slice('/gateway'.length),
      authorization: request.headers.get('authorization'),
      body: async () => {
        const text = await readBody(request, BODY_BYTES)
        return text.ok ? parseJson(text.value, { depth: DEPTH }) : text
      },
      signal: AbortSignal.any([request.signal, closing]),
    })
  }
  app.all('/gateway', answer)
  app.all('/gateway/*', answer)
}
