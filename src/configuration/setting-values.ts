/** What a value of a setting may be. */
import { isIP } from 'node:net'
import { z } from 'zod'
import { secretReference } from '../agents/agent.ts'
import { agentName } from '../workflow/definition.ts'
import { duration, milliseconds } from '../workflow/duration.ts'

export const whole = (min: number, max: number) => z.int().min(min).max(max)
export const path = z
  .string()
  .min(1, 'is empty')
  .max(4_096)
  .refine((text) => !text.includes('\0'), 'contains a NUL character')
export const span = duration.transform(milliseconds)

/** An http(s) address without a trailing slash. Credentials have no place in an address: it is shown and logged. */
export const httpUrl = z
  .string()
  .max(2_000)
  .refine(
    (text) => URL.canParse(text) && /^https?:$/.test(new URL(text).protocol),
    'is not an http:// or https:// address',
  )
  .refine((text) => !URL.canParse(text) || new URL(text).username + new URL(text).password === '', {
    message: 'carries a user name or password; name the secret with api_key: env:NAME',
  })
  .transform((text) => text.replace(/\/+$/, ''))

/** A database address. A space in the database name, as people have it, is encoded. */
export const serverUrl = (...protocols: string[]) =>
  z
    .string()
    .max(2_000)
    .transform((text) => text.trim().replace(/ /g, '%20'))
    .refine((text) => URL.canParse(text) && protocols.includes(new URL(text).protocol), {
      message: `is not a ${protocols.map((name) => `${name}//`).join(' or ')} address`,
    })

export const modelHost = z.strictObject({
  name: agentName,
  kind: z.enum(['openai_compatible', 'ollama']).default('openai_compatible'),
  url: httpUrl,
  api_key: secretReference.nullable().default(null),
  concurrency: whole(1, 1_000).default(4),
})

/** For a million tokens. */
export const price = z.strictObject({
  input: z.number().min(0).max(1_000_000_000),
  output: z.number().min(0).max(1_000_000_000),
})

export const uniqueByName = (items: readonly { name: string }[], context: z.RefinementCtx) => {
  const seen = new Set<string>()
  items.forEach(({ name }, index) => {
    if (seen.has(name))
      context.addIssue({
        code: 'custom',
        path: [index, 'name'],
        message: `the name ${name} is used twice`,
        input: name,
      })
    seen.add(name)
  })
}

export const vectorStores = ['embedded', 'chroma', 'faiss', 'qdrant', 'pgvector'] as const
export const vectorStore = z.preprocess((name) => (name === 'chromadb' ? 'chroma' : name), z.enum(vectorStores))

export const outboundHost = z
  .string()
  .max(300)
  .regex(
    /^(\*\.)?[a-zA-Z0-9_.-]+(:\d{1,5})?$|^[0-9a-fA-F:.]+(\/\d{1,3})?$|^\[[0-9a-fA-F:.]+\](:\d{1,5})?$/,
    'is not a host name, an address or a CIDR range',
  )
  .refine(
    (text) =>
      !text.includes('/') ||
      (isIP(text.split('/')[0] ?? '') !== 0 && Number(text.split('/')[1]) <= (text.includes(':') ? 128 : 32)),
    'is not a CIDR range: an address and a length of at most 32 (IPv4) or 128 (IPv6)',
  )
  .refine(
    (text) => text.includes('/') || isIP(text) === 6 || Number(/:(\d+)$/.exec(text)?.[1] ?? 0) <= 65_535,
    'has a port beyond 65535',
  )

export const pattern = z.strictObject({
  name: z.string().min(1).max(200),
  agents: z.array(agentName).max(1_000),
  mechanism: z.string().min(1).max(200),
})
