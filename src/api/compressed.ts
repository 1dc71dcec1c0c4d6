/** JSON answers in gzip, for clients that take it: lists and runs are up to a megabyte, and a tenth of that compressed. */
import { promisify } from 'node:util'
import { gzip } from 'node:zlib'

const gzipped = promisify(gzip)
/** Below this many bytes the time is worth more than the bytes. */
const FROM_BYTES = 4_096
/** On the wire of one machine the higher levels take longer than they save. */
const LEVEL = 4

/** Whether an `Accept-Encoding` names gzip without refusing it (RFC 9110, 12.5.3). */
export const acceptsGzip = (accepted: string): boolean => /\bgzip\b(?!\s*;\s*q=0(?:\.0*)?\s*(?:,|$))/i.test(accepted)

/**
 * The same answer, compressed where that is worth it. Only JSON that knows its length is touched, so never a stream.
 * HEAD goes the same way as GET and thus has the same headers.
 */
export async function compressed(response: Response, accepted: string): Promise<Response> {
  const { headers, status } = response
  if (!/^application\/json\b/.test(headers.get('content-type') ?? '') || headers.has('content-encoding'))
    return response
  if (!(Number(headers.get('content-length')) >= FROM_BYTES)) return response
  headers.append('vary', 'accept-encoding')
  if (!acceptsGzip(accepted)) return response
  const bytes = await gzipped(await response.arrayBuffer(), { level: LEVEL })
  headers.set('content-encoding', 'gzip')
  headers.set('content-length', `${bytes.byteLength}`)
  return new Response(bytes, { status, headers })
}
