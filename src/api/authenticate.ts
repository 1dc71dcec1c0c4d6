/**
 * Who asks. Without authentication everybody who reaches this machine is `local` and may do everything; with keys, a
 * request names itself by `Authorization: Bearer qk_…`, or by the session of a browser that signed in with a key.
 *
 * Invariants:
 *  K1. A request whose asker is not known reaches no route but the few of {@link isOpen}.
 *  K2. Keys and tokens are looked up at each request: one that was revoked, here or by another process, ends at once.
 *  K3. A stream ends within seconds of its key.
 *  K4. Neither a key nor a token reaches log, failure or answer; but the token its own Set-Cookie.
 */
import { createHash, randomBytes } from 'node:crypto'
import { type Failure, fail, ok, type Result } from '../failure.ts'
import { isHashOf, isSecret, prefixOf } from '../operations/key-secret.ts'
import { type Permission, permissions } from '../operations/operation.ts'
import type { ApiKey, Store } from '../store/store.ts'
import { failedAttempts } from './failed-attempts.ts'

export type Caller = {
  /** Name of the key; stands in events as the one who did it. */
  name: string
  permissions: readonly Permission[]
  /** Id of the key; null where none was asked for. */
  key: string | null
  expires_at: number | null
}

export type Authentication = ReturnType<typeof authentication>

/** A browser stays signed in for so long, unless its key ends before. */
const SESSION_MS = 7 * 24 * 3_600_000
/** `last_used_at` is written no more often: it costs a commit. */
const USED_EVERY_MS = 10 * 60_000
const RECHECK_MS = 5_000

const local: Caller = { name: 'local', permissions, key: null, expires_at: null }

export type AuthenticationOptions = {
  mode: 'off' | 'keys'
  store: Store['api_keys']
  now: () => number
  warn: (fields: object, message: string) => void
  /** A key that this process alone knows, for clients inside it; it may do everything. */
  own_key?: string | undefined
  recheck_ms?: number | undefined
}

export function authentication({ mode, store, now, warn, own_key, recheck_ms = RECHECK_MS }: AuthenticationOptions) {
  const attempts = failedAttempts(now)
  const used = new Map<string, number>()
  const open = new Map<AbortController, Caller>()

  const callerOf = (key: ApiKey, expires_at: number | null): Caller => {
    const at = now()
    const before = used.get(key.id) ?? key.last_used_at ?? 0
    if (at - before >= USED_EVERY_MS) {
      used.set(key.id, at)
      store.used(key.id, at).catch((error: unknown) => warn({ error: String(error) }, 'the use of a key was not noted'))
    }
    return {
      name: key.name,
      permissions: permissions.filter((one) => key.permissions.includes(one)),
      key: key.id,
      expires_at,
    }
  }

  const wrong = (address: string, field: string, message: string, remedy: string): Result<never> => {
    const { first, busy } = attempts.count(address)
    if (first) warn({ address, why: message }, 'a wrong key was refused')
    return busy === null ? fail('unauthenticated', message, { field, remedy }) : { ok: false, failure: busy }
  }

  /** The key of this secret, if it is in force. */
  async function keyOf(secret: string, address: string, field: string): Promise<Result<ApiKey>> {
    if (!isSecret(secret))
      return wrong(address, field, 'this is not a key of Quorate', 'give the whole key: qk_ and 43 characters')
    const key = (await store.of_prefix(prefixOf(secret))).find(({ hash }) => isHashOf(hash, secret))
    if (key === undefined) return wrong(address, field, 'this key is not known here', MAKE)
    const ended = endOf(key, now())
    return ended === null ? ok(key) : wrong(address, field, `the key ${key.name} ${ended}`, MAKE)
  }

  async function bySession(token: string): Promise<Result<Caller>> {
    const found = await store.session(tokenHash(token))
    const over = found === null || found.expires_at <= now() || endOf(found.key, now()) !== null
    if (!over) return ok(callerOf(found.key, found.expires_at))
    return fail('unauthenticated', 'this browser is signed in no longer', {
      field: 'cookie',
      remedy: 'sign in again with a key',
    })
  }

  /** One that cannot be read is not: whoever has it may open the stream again, and is then told why not. */
  const isInForce = (key: string): Promise<boolean> =>
    store.find(key).then(
      (found) => found?.id === key,
      (error: unknown) => {
        warn({ key, error: String(error) }, 'streams end: whether their key is in force could not be read')
        return false
      },
    )

  const recheck = setInterval(async () => {
    const ended = new Set<string>()
    for (const key of new Set([...open.values()].flatMap((caller) => caller.key ?? [])))
      if (!(await isInForce(key))) ended.add(key)
    for (const [controller, { key, expires_at }] of open)
      if ((key !== null && ended.has(key)) || (expires_at !== null && expires_at <= now())) controller.abort()
  }, recheck_ms)
  recheck.unref()

  return {
    mode,

    /** Failures: `unauthenticated`, `busy` after too many wrong keys. `address`: where the request came from. */
    async caller(headers: Headers, address: string, cookie: string): Promise<Result<Caller>> {
      if (mode === 'off') return ok(local)
      const given = headers.get('authorization')
      if (given !== null) {
        const secret = /^Bearer +(\S+)$/i.exec(given)?.[1] ?? ''
        if (own_key !== undefined && secret.length === own_key.length && isHashOf(tokenHash(own_key), secret))
          return ok(local)
        const key = await keyOf(secret, address, 'authorization')
        return key.ok ? ok(callerOf(key.value, key.value.expires_at)) : key
      }
      const token = cookieOf(headers, cookie)
      if (token !== null) return bySession(token)
      return fail('unauthenticated', 'this Quorate answers only those who have a key', {
        field: 'authorization',
        remedy: `send Authorization: Bearer qk_… (command line: --key or QUORATE_KEY), or sign in at / with a browser; ${MAKE}`,
      })
    },

    /** A session for a browser; `token` is its secret. */
    async signIn(secret: string, address: string): Promise<Result<{ caller: Caller; token: string; seconds: number }>> {
      const key = await keyOf(secret, address, 'key')
      if (!key.ok) return key
      const created_at = now()
      const expires_at = Math.min(created_at + SESSION_MS, key.value.expires_at ?? Number.POSITIVE_INFINITY)
      const token = randomBytes(32).toString('base64url')
      await store.open_session({ hash: tokenHash(token), key: key.value.id, created_at, expires_at })
      return ok({
        caller: callerOf(key.value, expires_at),
        token,
        seconds: Math.floor((expires_at - created_at) / 1_000),
      })
    },

    async signOut(headers: Headers, cookie: string): Promise<void> {
      const token = cookieOf(headers, cookie)
      if (token !== null) await store.close_session(tokenHash(token))
    },

    /** A signal for what lasts: aborted with the given one, or when the caller's key ends. */
    lasting(caller: Caller, signal: AbortSignal): AbortSignal {
      if (caller.key === null) return signal
      const controller = new AbortController()
      const forget = () => open.delete(controller)
      open.set(controller, caller)
      if (signal.aborted) forget()
      signal.addEventListener('abort', forget, { once: true })
      controller.signal.addEventListener('abort', forget, { once: true })
      return AbortSignal.any([signal, controller.signal])
    },

    close: () => clearInterval(recheck),
  }
}

const MAKE = '`quorate keys create NAME --permissions all` on the machine of the server makes one'

const tokenHash = (token: string): string => createHash('sha256').update(token).digest('hex')

function endOf({ revoked_at, expires_at }: ApiKey, now: number): string | null {
  if (revoked_at !== null) return 'was revoked'
  return expires_at !== null && expires_at <= now ? `expired on ${new Date(expires_at).toISOString()}` : null
}

function cookieOf(headers: Headers, name: string): string | null {
  for (const part of (headers.get('cookie') ?? '').split(';')) {
    const [key = '', value = ''] = part.trim().split('=', 2)
    if (key === name && /^[A-Za-z0-9_-]{43}$/.test(value)) return value
  }
  return null
}

/** Null when the caller has the permission: the one place where permissions are held against an operation. */
export function lacks({ name, permissions: has }: Caller, needs: Permission | null, what: string): Failure | null {
  if (needs === null || has.includes(needs)) return null
  return {
    kind: 'forbidden',
    message: `the key ${name} does not have ${needs}, which ${what} needs`,
    field: 'permissions',
    value: needs,
    remedy: `use a key that has ${needs}; \`quorate keys list\` shows what each has`,
  }
}

/**
 * What is answered without a key: whether the process lives, the console's own files (they hold no data), signing in,
 * and the gateway, whose callers have keys of their own, one for each attempt of a task.
 */
export function isOpen(method: string, path: string, page: boolean): boolean {
  if (path === '/healthz' || path === '/readyz') return true
  if (path === '/session') return method === 'POST'
  if (path === '/gateway' || path.startsWith('/gateway/')) return true
  const reads = method === 'GET' || method === 'HEAD'
  return reads && (path.startsWith('/console/') || path === '/console' || (path === '/' && page))
}
