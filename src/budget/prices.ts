/**
 * What a call costs, in whole millionths of the currency, rounded up.
 *
 * A price is written as people write it: an amount for a million tokens (`{ input: 3, output: 15 }`). An amount for a
 * million tokens is the number of millionths for one token. Prices may have up to six decimals, so one is kept as
 * millionths of a millionth for each token, and products are taken as big integers.
 */

/** For a million tokens, in units of the currency. */
export type Price = { input: number; output: number }

/** By model: `host/model`, a bare model name, `host/*`, or `*` for every other. */
export type PriceTable = { [model: string]: Price }

const PICO = 1_000_000n
const LARGEST = BigInt(Number.MAX_SAFE_INTEGER)

const pico = (price: number): bigint => BigInt(Math.round(price * 1e6))

/** Millionths, rounded up. */
export function costOf(price: Price, input_tokens: number, output_tokens: number): number {
  const whole = (tokens: number): bigint => BigInt(Math.min(Number.MAX_SAFE_INTEGER, Math.max(0, Math.ceil(tokens))))
  const cost = pico(price.input) * whole(input_tokens) + pico(price.output) * whole(output_tokens)
  const micros = (cost + PICO - 1n) / PICO
  return Number(micros > LARGEST ? LARGEST : micros)
}

/**
 * The price of a model that answered, `host/model`. A model on a host of our own (`free_hosts`) that the table does not
 * name costs nothing. Any other unnamed model is taken for the dearest of the table, and `known` is false: never 0 for
 * unknown. Without a table nothing costs anything.
 */
export function priceOf(
  table: PriceTable,
  model: string | null,
  free_hosts: readonly string[],
): { price: Price; known: boolean } {
  const slash = model?.indexOf('/') ?? -1
  const host = model === null || slash < 0 ? null : model.slice(0, slash)
  const bare = model === null ? null : model.slice(slash + 1)
  const named = at(table, model) ?? at(table, bare) ?? at(table, host === null ? null : `${host}/*`)
  if (named !== undefined) return { price: named, known: true }
  if (host !== null && free_hosts.includes(host)) return { price: FREE, known: true }
  const others = at(table, '*')
  if (others !== undefined) return { price: others, known: true }
  return { price: dearest(table), known: Object.keys(table).length === 0 }
}

/** No model of the table costs more, neither for what goes in nor for what comes out. */
export const dearest = (table: PriceTable): Price =>
  Object.values(table).reduce(
    (most, { input, output }) => ({ input: Math.max(most.input, input), output: Math.max(most.output, output) }),
    FREE,
  )

const FREE: Price = { input: 0, output: 0 }

const at = (table: PriceTable, key: string | null): Price | undefined =>
  key !== null && Object.hasOwn(table, key) ? table[key] : undefined
