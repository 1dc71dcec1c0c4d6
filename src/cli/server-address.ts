/** Where the server is (--server, then QUORATE_URL, then the host and port of the configuration), and the key for it. */
import { variable } from '../configuration/environment.ts'
import { loadConfiguration } from '../configuration/load-configuration.ts'
import { resolveSecret } from '../configuration/secrets.ts'
import { fail, ok, type Result } from '../failure.ts'
import { type Client, createClient } from './client.ts'
import type { CommandContext } from './command-context.ts'

export function clientFor(context: CommandContext, server: string | undefined): Result<Client> {
  const found = serverAddress(context, server)
  if (!found.ok) return found
  const key = apiKey(context)
  return key.ok ? ok(createClient({ server: found.value, fetch: context.fetch, key: key.value })) : key
}

/** --key, then QUORATE_KEY: the key itself, or where it is (`file:PATH`, `env:NAME`). Null = none was given. */
function apiKey({ environment, cwd, key }: CommandContext): Result<string | null> {
  const flag = key?.()
  const given = flag ?? variable(environment, 'QUORATE_KEY')
  if (given === undefined) return ok(null)
  const field = flag === undefined ? 'QUORATE_KEY' : '--key'
  const known = /^(env|file):/.test(given) ? resolveSecret(given, { environment, base_dir: cwd }) : ok(given)
  if (!known.ok) return { ok: false, failure: { ...known.failure, field } }
  // Anything else would not fit into a header.
  if (/^qk_[\w-]{1,200}$/.test(known.value)) return known
  return fail('invalid_input', 'this is neither a key (qk_…) nor a reference to one', {
    field,
    remedy: 'give the key, or file:PATH or env:NAME that holds it',
  })
}

export function serverAddress(
  { environment, cwd }: Pick<CommandContext, 'environment' | 'cwd'>,
  flag: string | undefined,
): Result<string> {
  const given = flag ?? variable(environment, 'QUORATE_URL')
  if (given !== undefined) {
    const url = URL.canParse(given) ? new URL(given) : null
    if (url && /^https?:$/.test(url.protocol) && url.username + url.password === '')
      return ok(`${url.origin}${url.pathname.replace(/\/+$/, '')}`)
    return fail('invalid_input', 'the address of the server is not an http:// or https:// address', {
      field: flag === undefined ? 'QUORATE_URL' : '--server',
      ...(url?.password ? {} : { value: given }),
      remedy: 'write an address such as http://127.0.0.1:8100',
    })
  }
  const loaded = loadConfiguration({ flags: {}, environment, cwd })
  if (!loaded.ok) return loaded
  return ok(localAddress(loaded.value))
}

/** How this machine reaches a server that listens there. */
export function localAddress({ host, port }: { host: string; port: number }): string {
  const reachable = host === '0.0.0.0' ? '127.0.0.1' : host === '::' ? '::1' : host
  return `http://${reachable.includes(':') ? `[${reachable}]` : reachable}:${port}`
}
