import type { Caller } from './authenticate.ts'

/** What is known of a request beside the request itself. */
export type RouteVariables = {
  Variables: {
    /** Set by the handler that answers, for access log and metrics: the route's pattern, never the address itself. */
    route: string
    /** Who asks; set before any handler, except where nobody needs to be known (authenticate.ts). */
    caller: Caller
  }
}
