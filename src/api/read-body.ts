/** The body of a request as text, read no further than the limit allows, and what kind of text it says it is. */
import { excerpt, fail, ok, type Result } from '../failure.ts'

export type BodyKind = 'json' | 'form' | 'yaml'

/**
 * Content types by what is made of them. curl's `-d` says `application/x-www-form-urlencoded` whatever the text is, so
 * that one is looked into (see read-input.ts). Anything else is refused: 415.
 */
const kinds: Record<string, BodyKind> = {
  '': 'json',
  'application/json': 'json',
  'application/x-www-form-urlencoded': 'form',
  'application/yaml': 'yaml',
  'application/x-yaml': 'yaml',
  'text/yaml': 'yaml',
  'text/x-yaml': 'yaml',
}

export function bodyKind(contentType: string | null): Result<BodyKind> {
  const type = (contentType ?? '').split(';', 1)[0]?.trim().toLowerCase() ?? ''
  const kind = Object.hasOwn(kinds, type) ? kinds[type] : type.endsWith('+json') ? 'json' : undefined
  if (kind !== undefined) return ok(kind)
  return fail('unsupported', `the content type ${excerpt(type, 80)} is not understood`, {
    field: 'content-type',
    value: excerpt(type, 80),
    remedy: 'send application/json (definitions also as application/yaml)',
  })
}

const tooLarge = (limit: number, bytes: number | null) =>
  fail('too_large', `the body is larger than ${limit} bytes`, {
    field: 'body',
    ...(bytes !== null && { value: `${bytes} bytes` }),
    remedy: 'send less, or raise limits.body_bytes in quorate.yaml',
  })

/** Reads the body; never holds more than `limit` bytes. A declared length is refused before a byte is read. */
export async function readBody(request: Request, limit: number): Promise<Result<string>> {
  const declared = request.headers.get('content-length')
  if (declared !== null && Number(declared) > limit) return tooLarge(limit, Number(declared))
  if (request.body === null) return ok('')
  const encoding = request.headers.get('content-encoding')
  if (encoding !== null && encoding.toLowerCase() !== 'identity') {
    return fail('unsupported', 'compressed bodies are not understood', {
      field: 'content-encoding',
      value: excerpt(encoding, 80),
      remedy: 'send the body as it is',
    })
  }
  const chunks: Uint8Array[] = []
  let bytes = 0
  const reader = request.body.getReader()
  for (;;) {
    const { done, value } = await reader.read()
    if (done) break
    bytes += value.byteLength
    if (bytes > limit) {
      // Not cancelled: the connection is drained for a moment, so that the sender sees the answer and not a reset.
      reader.releaseLock()
      return tooLarge(limit, null)
    }
    chunks.push(value)
  }
  try {
    return ok(new TextDecoder('utf-8', { fatal: true }).decode(Buffer.concat(chunks)))
  } catch {
    return fail('invalid_input', 'the body is not UTF-8', { field: 'body', remedy: 'send UTF-8' })
  }
}
