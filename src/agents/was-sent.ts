/**
 * Whether a request that got no answer had gone out: then the other side may have done the work, and may have been paid
 * for it (duty A7 of an adapter). One table for agents over HTTP and for model servers.
 */

/** Name not resolved, no connection, certificate not accepted, request not valid. */
const beforeSending =
  /^(ECONNREFUSED|ENOTFOUND|EAI_|EHOSTUNREACH|ENETUNREACH|UND_ERR_(CONNECT_TIMEOUT|INVALID_ARG|NOT_SUPPORTED|REQ_)|ERR_TLS_|CERT_|SELF_SIGNED|DEPTH_ZERO|UNABLE_TO_|ERR_INVALID_)/

/** An error, what it says it was caused by, and so on: at most eight deep, with the members of an AggregateError. */
export function causesOf(error: unknown): unknown[] {
  const causes: unknown[] = []
  for (let at: unknown = error, deep = 0; at && deep < 8; at = (at as { cause?: unknown }).cause, deep++)
    causes.push(at, ...(at instanceof AggregateError ? at.errors : []))
  return causes
}

/**
 * By what `fetch` rejected with, or a body that was read: everything with a code counts as sent but what is known to come
 * before the first byte, since a wrong "not sent" repeats an effect and forgets what was used. Undici says `terminated` of
 * a body that broke off.
 */
export function wasSent(error: unknown): boolean {
  const causes = causesOf(error).map(
    (cause) => Object(cause) as { code?: unknown; syscall?: unknown; message?: unknown },
  )
  const before = causes.some(
    ({ code, syscall }) => ['connect', 'getaddrinfo'].includes(String(syscall)) || beforeSending.test(String(code)),
  )
  return !before && causes.some(({ code, message }) => typeof code === 'string' || message === 'terminated')
}
