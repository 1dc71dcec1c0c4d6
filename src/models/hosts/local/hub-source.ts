/** Fetches a file from the Hugging Face hub: https://huggingface.co/docs/hub/models-downloading */
import { createWriteStream } from 'node:fs'
import { stat } from 'node:fs/promises'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { excerpt, fail, ok, type Result } from '../../../failure.ts'
import { endedBy } from '../../model-host.ts'
import type { CatalogueModel } from './catalogue.ts'
import type { FetchOptions } from './fetch-options.ts'

type HubSource = Extract<CatalogueModel['source'], { kind: 'hub' }>

export const HUB_URL = 'https://huggingface.co'

/** The hub must answer within this time, or it counts as out of reach. */
const REACH_MS = 2_000

const address = (hub_url: string, source: HubSource) =>
  `${hub_url}/${source.repository}/resolve/${source.revision}/${source.file}`

/**
 * Whether the hub has the file, and the checksum and size that it reports: files in large-file storage carry the SHA-256
 * of their content as `x-linked-etag`, beside `x-linked-size`, on the redirect to where they are stored.
 */
export async function lookAtHub(
  source: HubSource,
  { fetch, hub_url = HUB_URL, signal }: Pick<FetchOptions, 'fetch' | 'hub_url' | 'signal'>,
): Promise<Result<{ sha256: string | null; size_bytes: number | null }>> {
  try {
    const within = AbortSignal.any([signal, AbortSignal.timeout(REACH_MS)])
    const response = await fetch(address(hub_url, source), { method: 'HEAD', redirect: 'manual', signal: within })
    if (response.status >= 400) return fail('unavailable', `The hub answered ${response.status} for ${source.file}.`)
    const etag = response.headers.get('x-linked-etag')?.replaceAll('"', '').toLowerCase() ?? ''
    const size = Number(response.headers.get('x-linked-size') ?? Number.NaN)
    return ok({
      sha256: /^[0-9a-f]{64}$/.test(etag) ? etag : null,
      size_bytes: Number.isSafeInteger(size) && size > 0 ? size : null,
    })
  } catch (error) {
    if (signal.aborted) return endedBy(signal)
    return fail('unavailable', `The Hugging Face hub cannot be reached: ${excerpt(messageOf(error))}`, {
      remedy: 'Connect to the network, or set models.local.path to a GGUF file.',
      retry_after_s: 60,
    })
  }
}

/** Writes the file to `target`, going on where an earlier attempt stopped. The caller checks it. */
export async function fetchFromHub(
  source: HubSource,
  target: string,
  total: number,
  { fetch, hub_url = HUB_URL, signal, on_progress }: Omit<FetchOptions, 'cache_dir'>,
): Promise<Result<null>> {
  let received = await stat(target).then(
    ({ size }) => size,
    () => 0,
  )
  if (received === total) return ok(null)
  if (received > total) received = 0
  try {
    const headers: { [name: string]: string } = received > 0 ? { range: `bytes=${received}-` } : {}
    const response = await fetch(address(hub_url, source), { headers, signal })
    if (!response.ok || !response.body) {
      return fail('unavailable', `The hub answered ${response.status} for ${source.file}.`)
    }
    const goes_on = response.status === 206
    if (!goes_on) received = 0
    const counted = async function* (chunks: AsyncIterable<Uint8Array>) {
      for await (const chunk of chunks) {
        received += chunk.byteLength
        if (received > total) throw new Error(`more than the expected ${total} bytes`)
        on_progress?.({ received, total, what: source.file })
        yield chunk
      }
    }
    await pipeline(Readable.fromWeb(response.body), counted, createWriteStream(target, { flags: goes_on ? 'a' : 'w' }))
    return ok(null)
  } catch (error) {
    if (signal.aborted) return endedBy(signal)
    if (error instanceof Error && 'code' in error && error.code === 'ENOSPC') {
      return fail('limit_exceeded', 'The disk is full.', {
        remedy: 'Free some space, or set cache_dir to another disk.',
      })
    }
    return fail('unavailable', `The download of ${source.file} broke off: ${excerpt(messageOf(error))}`, {
      remedy: 'Start again: it goes on where it stopped.',
      retry_after_s: 15,
    })
  }
}

const messageOf = (error: unknown) => (error instanceof Error ? error.message : String(error))
