/**
 * The console: files that the build left in a folder, read once. Without such a folder there is no console, and the
 * landing page stands in for it.
 */
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { extname, join } from 'node:path'
import { acceptsGzip } from './compressed.ts'

export type ConsoleFiles = {
  /** The page; it holds every view, and the address says which. */
  page: (status?: 200 | 404) => Response
  /** A file below `/console/`, compressed where the build did that and `accepted` (the header) names gzip; null when the build has none of this name. */
  file: (name: string, accepted?: string) => Response | null
}

const types: Record<string, string> = {
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.svg': 'image/svg+xml',
}

/** Everything is ours and comes from here: no inline code or style, no other address. */
const policy =
  "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; font-src 'self'; connect-src 'self'; worker-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'"

/** Null when nothing has been built there. Names are those found now; no request reaches the disk. */
export function consoleFiles(folder: string): ConsoleFiles | null {
  try {
    const page = readFileSync(join(folder, 'index.html'))
    const files = new Map<string, { bytes: Buffer<ArrayBuffer>; small: Buffer<ArrayBuffer> | null; type: string }>()
    for (const entry of readdirSync(join(folder, 'assets'), { withFileTypes: true })) {
      const type = types[extname(entry.name)]
      if (!entry.isFile() || type === undefined) continue
      const path = join(folder, 'assets', entry.name)
      const small = existsSync(`${path}.gz`) ? readFileSync(`${path}.gz`) : null
      files.set(`assets/${entry.name}`, { bytes: readFileSync(path), small, type })
    }
    return {
      page: (status = 200) =>
        new Response(page, {
          status,
          headers: {
            'content-type': 'text/html; charset=utf-8',
            'cache-control': 'no-store',
            'content-security-policy': policy,
          },
        }),
      file(name, accepted = '') {
        const found = files.get(name)
        if (found === undefined) return null
        // A worker has a policy of its own, which is that of its script.
        const headers = { 'content-type': found.type, 'content-security-policy': policy }
        const small = acceptsGzip(accepted) ? found.small : null
        // The name has the hash of the content in it.
        return new Response(small ?? found.bytes, {
          headers: {
            ...headers,
            'cache-control': 'public, max-age=31536000, immutable',
            ...(found.small !== null && { vary: 'accept-encoding' }),
            ...(small !== null && { 'content-encoding': 'gzip' }),
          },
        })
      },
    }
  } catch {
    return null
  }
}

export const wantsPage = (request: Request): boolean =>
  request.method === 'GET' && (request.headers.get('accept') ?? '').includes('text/html')
