/**
 * fetch for addresses that other people wrote down (agents, their answers, redirects).
 *
 * Invariants:
 *  G1. The address that is checked is the address that is connected to: a name is resolved once for each connection and
 *      the socket is given that answer, so a name that changes its address in between (DNS rebinding) gains nothing.
 *  G2. Every connection is checked, those after a redirect too.
 *  G3. Only public unicast addresses pass, unless the allow list names the host, host:port or a range.
 */
import { lookup as systemLookup } from 'node:dns/promises'
import { isIP } from 'node:net'
import ipaddr from 'ipaddr.js'
import { Agent, buildConnector, fetch as undiciFetch } from 'undici'
import { z } from 'zod'
import { causesOf, wasSent } from '../agents/was-sent.ts'
import { excerpt, type Failure } from '../failure.ts'

type Address = { address: string; family: number }
type Lookup = (hostname: string) => Promise<Address[]>

type AllowEntry =
  | { kind: 'range'; range: [ipaddr.IPv4 | ipaddr.IPv6, number] }
  | { kind: 'host'; host: string; port: string | null }

/** Thrown into the rejection of the guarded fetch; {@link outboundFailure} finds it again under the causes. */
class OutboundRefused extends Error {
  readonly failure: Failure
  constructor(failure: Failure) {
    super(failure.message)
    this.failure = failure
  }
}

/** One entry of `outbound.allow`: `10.0.0.0/8`, `fd00::/8`, `letta`, `*.example.org`, `127.0.0.1:11434`, `[::1]:8080`. */
export const outboundAllowEntry = z
  .string()
  .refine(
    (text) => allowEntry(text) !== null,
    'a host, host:port or CIDR range, such as letta, 127.0.0.1:11434 or 10.0.0.0/8',
  )

/**
 * @param allow Hosts, host:port pairs and CIDR ranges that may be reached although they are not public. A name stands
 *   for whatever address it has. An entry that is none of these is a TypeError: check it with {@link outboundAllowEntry}.
 * @param lookup The resolver; the system's by default.
 * @returns A fetch that rejects with a TypeError whose cause tells why; see {@link outboundFailure}.
 */
export function guardedFetch({ allow, lookup }: { allow: readonly string[]; lookup?: Lookup }): typeof fetch {
  const entries = allow.map((text) => {
    const entry = allowEntry(text)
    if (!entry) throw new TypeError(`outbound.allow: ${excerpt(text)} is neither a host, host:port nor a CIDR range`)
    return entry
  })
  const resolve: Lookup = lookup ?? ((hostname) => systemLookup(hostname, { all: true, verbatim: true }))

  const connect: buildConnector.connector = (options, callback) => {
    const port = options.port || (options.protocol === 'https:' ? '443' : '80')
    permitted(entries, resolve, options.hostname, port).then(
      (addresses) => {
        // One connector for each connection: its lookup can only answer with what was checked (G1). HTTP/2 stays off,
        // so that aborting one request closes a socket instead of a stream within it.
        const pinned = buildConnector({
          allowH2: false,
          timeout: 10_000,
          lookup: (_hostname, how, answer) => {
            const [first] = addresses
            if (how.all) answer(null, addresses)
            else if (first) answer(null, first.address, first.family)
          },
        })
        pinned(options, callback)
      },
      (error: unknown) => callback(error instanceof Error ? error : new Error(String(error)), null),
    )
  }
  // How long an answer may take is for the caller to say: a model on a CPU may think for long before its first byte.
  const dispatcher = new Agent({ connect, headersTimeout: 0, bodyTimeout: 0 })

  const guarded = async (input: string | URL | Request, init?: RequestInit): Promise<Response> => {
    const url = new URL(input instanceof Request ? input.url : input)
    const problem = urlProblem(url)
    if (problem) throw new TypeError('fetch failed', { cause: new OutboundRefused(problem) })
    const request = input instanceof Request ? requestInit(input) : {}
    // undici's own types and those of Node's global fetch describe the same objects under different names.
    return (await undiciFetch(url, { ...request, ...(init as object), dispatcher })) as unknown as Response
  }
  return guarded as typeof fetch
}

/** Node's own Request is not one that the undici of npm knows: its parts are. */
const requestInit = ({ method, headers, body, signal, redirect }: Request): object => ({
  method,
  headers,
  signal,
  redirect,
  ...(body && { body, duplex: 'half' }),
})

/** Why a request did not get an answer, from what fetch rejected with. `sent` = the other side may have acted on it. */
export function outboundFailure(error: unknown, url: URL): { failure: Failure; sent: boolean } {
  const causes = causesOf(error)
  const refused = causes.find((cause) => cause instanceof OutboundRefused)
  if (refused) return { failure: refused.failure, sent: false }
  const messages = causes.map((cause) => (cause as { message?: unknown }).message)
  const text = excerpt(
    messages.filter((m) => typeof m === 'string' && m && m !== 'fetch failed')[0] ?? 'no reason given',
    200,
  )
  const sent = wasSent(error)
  const remedy = sent
    ? 'look at the server’s own log'
    : `see that a server listens at ${url.host} and that the address is right`
  return {
    failure: { kind: 'unavailable', message: `${url.host} gave no answer: ${text}`, value: url.host, remedy },
    sent,
  }
}

function urlProblem(url: URL): Failure | null {
  if (url.protocol !== 'http:' && url.protocol !== 'https:') {
    return { kind: 'refused', message: `only http and https are fetched, not ${url.protocol}`, value: url.protocol }
  }
  if (url.username || url.password) {
    const remedy = 'hand the key over as a header that refers to a secret (env:NAME)'
    return {
      kind: 'refused',
      message: `the address of ${url.host} carries a user name or password`,
      value: url.host,
      remedy,
    }
  }
  return null
}

/** The addresses behind a host that may be connected to; rejects when there is none. */
async function permitted(entries: AllowEntry[], resolve: Lookup, hostname: string, port: string): Promise<Address[]> {
  const host = plainHost(hostname)
  const family = isIP(host)
  const addresses = family ? [{ address: host, family }] : await resolve(host)
  const listed = (name: string) =>
    entries.some((e) => e.kind === 'host' && isNamed(e.host, name) && (e.port === null || e.port === port))
  if (listed(host)) return addresses
  const pass = addresses.filter(({ address }) => {
    const ip = unwrapped(address)
    if (ip === null) return false
    return isPublic(ip) || listed(ip.toString()) || entries.some((e) => e.kind === 'range' && inRange(ip, e.range))
  })
  if (pass.length > 0) return pass
  const shown = family ? host : `${host} (${addresses.map((a) => a.address).join(', ') || 'no address'})`
  throw new OutboundRefused({
    kind: 'refused',
    message: `${shown} is not a public address, and outbound.allow does not list it`,
    value: `${host}:${port}`,
    remedy: `if it is meant to be reached, add ${host.includes(':') ? `[${host}]` : host}:${port} to outbound.allow`,
  })
}

/** `*.example.org` stands for all names below it. */
const isNamed = (entry: string, name: string): boolean =>
  entry === name || (entry.startsWith('*.') && name.endsWith(entry.slice(1)))

const plainHost = (host: string): string =>
  host
    .toLowerCase()
    .replace(/^\[|\]$/g, '')
    .replace(/\.$/, '')

/** Azure's platform endpoint is the one metadata service with an address that looks public. */
const platformAddresses = new Set(['168.63.129.16'])

function isPublic(ip: ipaddr.IPv4 | ipaddr.IPv6): boolean {
  if (platformAddresses.has(ip.toString())) return false
  // ::/96 (IPv4-compatible, deprecated by RFC 4291) is unicast for the library.
  if (ip instanceof ipaddr.IPv6 && ip.parts.slice(0, 6).every((part) => part === 0)) return false
  return ip.range() === 'unicast'
}

/** The IPv4 address inside an IPv4-mapped one or behind NAT64's well-known prefix (RFC 6052), else the address itself. */
function unwrapped(address: string): ipaddr.IPv4 | ipaddr.IPv6 | null {
  if (!ipaddr.isValid(address)) return null
  const ip = ipaddr.process(address)
  if (!(ip instanceof ipaddr.IPv6) || !ip.match(ipaddr.IPv6.parse('64:ff9b::'), 96)) return ip
  return new ipaddr.IPv4(ip.toByteArray().slice(12))
}

const inRange = (ip: ipaddr.IPv4 | ipaddr.IPv6, [base, bits]: [ipaddr.IPv4 | ipaddr.IPv6, number]): boolean =>
  ip.kind() === base.kind() && ip.match(base, bits)

function allowEntry(text: string): AllowEntry | null {
  if (text.includes('/')) {
    return ipaddr.isValidCIDR(text) ? { kind: 'range', range: ipaddr.parseCIDR(text) } : null
  }
  if (isIP(text) === 6) return hostEntry(`[${text}]`, null)
  const parts = /^(\[[^\]]+\]|[^:[\]]+)(?::(\d{1,5}))?$/.exec(text)
  return parts?.[1] ? hostEntry(parts[1], parts[2] ?? null) : null
}

function hostEntry(host: string, port: string | null): AllowEntry | null {
  // The URL parser brings every way to write an address (decimal, hex, capital letters, IDN) into one form.
  const url = URL.parse(`http://${host}`)
  if (url?.pathname !== '/' || url.search || url.hash || url.username) return null
  if (!/^((\*\.)?[a-z0-9._-]+|\[.+\])$/.test(url.hostname)) return null
  if (port !== null && Number(port) > 65_535) return null
  return { kind: 'host', host: plainHost(url.hostname), port: port === null ? null : String(Number(port)) }
}
