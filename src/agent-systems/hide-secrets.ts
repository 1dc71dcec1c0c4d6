/** Takes secrets out of text and values that came back from an agent (duty A6). */
import type { Json } from '../workflow/value.ts'

/** Shorter ones are too likely to be ordinary text. */
const SHORTEST_SECRET = 4

export type HideSecrets = { text: (text: string) => string; value: (value: Json) => Json }

/** @param secrets Resolved values. Of one with several lines (a PEM key) each line of 8 characters or more is hidden too. */
export function hideSecrets(secrets: readonly string[]): HideSecrets {
  const parts = secrets.flatMap((secret) => [secret, ...secret.split(/\r?\n/).filter((line) => line.length >= 8)])
  const hidden = [...new Set(parts)]
    .filter((part) => part.length >= SHORTEST_SECRET)
    .sort((a, b) => b.length - a.length)
  const text = (from: string) => hidden.reduce((rest, secret) => rest.replaceAll(secret, '[secret]'), from)
  const value = (from: Json): Json => {
    if (typeof from === 'string') return text(from)
    if (typeof from !== 'object' || from === null) return from
    if (Array.isArray(from)) return from.map(value)
    return Object.fromEntries(Object.entries(from).map(([key, item]) => [text(key), value(item)]))
  }
  return hidden.length === 0 ? { text: (from) => from, value: (from) => from } : { text, value }
}
