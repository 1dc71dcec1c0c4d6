/**
 * What budgets count, in whole numbers only, so that no sum drifts: calls, tokens (in and out), and money in millionths
 * of the currency that prices are written in. Time, depth and fan-out are limits, too, but nothing is used up of them.
 */

export const countedUnits = ['calls', 'tokens', 'money'] as const
export type CountedUnit = (typeof countedUnits)[number]

/** `money` in millionths. Every one a whole number from 0 to 2^53 - 1. */
export type Amounts = { [U in CountedUnit]: number }
/** A unit that is left out has no limit. */
export type Limits = { [U in CountedUnit]?: number }

export const MICROS = 1_000_000

export const nothing = (): Amounts => ({ calls: 0, tokens: 0, money: 0 })

/** Saturates instead of losing its last digit. */
export const sum = (a: number, b: number): number => Math.min(Number.MAX_SAFE_INTEGER, a + b)

export function add(to: Amounts, what: Amounts): void {
  for (const unit of countedUnits) to[unit] = sum(to[unit], what[unit])
}

/** Never below 0. */
export function subtract(from: Amounts, what: Amounts): void {
  for (const unit of countedUnits) from[unit] = Math.max(0, from[unit] - what[unit])
}

/** A figure from outside, or null when it cannot be one: it may be negative, broken, or text. */
export const wholeOrNull = (value: unknown): number | null =>
  typeof value === 'number' && Number.isFinite(value) && value >= 0
    ? Math.min(Number.MAX_SAFE_INTEGER, Math.ceil(value))
    : null

/** `1.5` of the currency is 1,500,000. Rounded to the nearest millionth. */
export const moneyOf = (units: number): number => Math.min(Number.MAX_SAFE_INTEGER, Math.round(units * MICROS))

/** An amount as people read it: `1,234 tokens`, `0.25 of money`. */
export function amountText(unit: CountedUnit, amount: number): string {
  if (unit === 'money') return `${trimmed(amount)} of money`
  return `${amount.toLocaleString('en-US')} ${amount === 1 ? unit.slice(0, -1) : unit}`
}

const trimmed = (micros: number): string => (micros / MICROS).toFixed(6).replace(/\.?0+$/, '')
