/**
 * What one call of a model has reserved, and what it has used so far by its own count. A call is ended in mid-stream where
 * its allowance has no more.
 */
import type { Allowance, Reservation } from '../budget/allowance.ts'
import type { Amounts } from '../budget/amounts.ts'
import { EXTENSION } from '../budget/attempt-ledger.ts'
import { type Failure, type FailureKind, ok, type Result } from '../failure.ts'
import { outputTokens } from './estimate-tokens.ts'

/** Output that is reserved when nobody says how much there will be. */
const USUAL_OUTPUT = 1_024
/** With less room for an answer than this, a call is not worth its prompt. */
const LEAST_OUTPUT = 8

/** Failures before any model was asked. */
const notAsked: ReadonlySet<FailureKind> = new Set(['invalid_input', 'unsupported', 'forbidden'])
/** Failures of a host that had not begun the work. */
const notBegun: ReadonlySet<FailureKind> = new Set([
  'model_missing',
  'busy',
  'too_large',
  'unavailable',
  'unauthenticated',
])

/** Tokens of one call; `estimated`: nobody counted some of them. */
export type Counts = { input_tokens: number; output_tokens: number; estimated: boolean }

export type Meter = {
  /** Tokens. */
  reserved: () => number
  /** Tokens that the answer may have at most; null when nothing bounds it. */
  room: () => number | null
  /** Counts what has come; reserves more where it is needed, and says when there is no more. */
  counted: (pieces: number, characters: number) => Failure | null
  /** Why an answer ended that had as much room as there was; before it is settled. */
  ended: () => Failure | null
  /** By what was said, or by its own count. Returns what the call counts for. */
  answered: (
    model: string | null,
    said: { input_tokens: number | null; output_tokens: number | null } | null,
  ) => Counts & { calls: 1 }
  /** What a failed call counts for: one that broke in the middle, and may have gone on outside, counts in full. */
  failed: (kind: FailureKind) => Counts & { calls: 0 | 1 }
}

/**
 * Reserves for the prompt and the answer that was asked for, or for what is left when that is enough to begin with.
 * @param input tokens of the prompt  @param output tokens of the answer at most, as its caller wishes
 * @param model `host/model`, or null
 */
export async function openMeter(
  allowance: Allowance,
  model: string | null,
  input: number,
  output: number | undefined,
): Promise<Result<Meter>> {
  const amounts = (tokens: number, calls = 1): Amounts => ({
    calls,
    tokens,
    money: allowance.cost(model, Math.min(input, tokens), Math.max(0, tokens - input)) ?? 0,
  })
  /** Tokens of output that the money left pays, besides what is reserved. */
  const paid = (money: number | null, reserved: Readonly<Amounts>): number | null => {
    if (money === null) return null
    const each = (allowance.cost(model, 0, 1_000_000) ?? 0) / 1_000_000
    if (each === 0) return null
    return Math.floor((money + reserved.money - (allowance.cost(model, input, 0) ?? 0)) / each)
  }
  /** Tokens of output that there is room for, besides what is reserved; null when nothing bounds it. */
  const roomBeside = (reserved: Readonly<Amounts>): number | null => {
    const { tokens, money } = allowance.remaining()
    const bounds = [tokens === null ? null : tokens + reserved.tokens - input, paid(money, reserved)]
    const least = bounds.filter((bound) => bound !== null)
    return least.length === 0 ? null : Math.min(...least)
  }

  const first = async (): Promise<Result<Reservation>> => {
    const whole = await allowance.reserve(amounts(input + Math.min(output ?? USUAL_OUTPUT, USUAL_OUTPUT)))
    if (whole.ok) return whole
    const room = roomBeside({ calls: 0, tokens: 0, money: 0 })
    if (room === null || room < Math.min(output ?? LEAST_OUTPUT, LEAST_OUTPUT)) return whole
    const rest = await allowance.reserve(amounts(input + Math.min(output ?? USUAL_OUTPUT, USUAL_OUTPUT, room)))
    return rest.ok ? rest : whole
  }
  const begun = await first()
  if (!begun.ok) return begun
  const reservation = begun.value
  let came = 0

  const settle = (used: Counts, calls: 0 | 1, by: string | null): void =>
    allowance.settle(reservation, {
      calls,
      tokens: used.input_tokens + used.output_tokens,
      money: allowance.cost(by ?? model, used.input_tokens, used.output_tokens) ?? 0,
    })
  return ok({
    reserved: () => reservation.amount.tokens,
    room: () => {
      const room = roomBeside(reservation.amount)
      return room === null ? null : Math.max(1, room)
    },
    counted: (pieces, characters) => {
      const now = outputTokens(pieces, characters)
      if (input + now > reservation.amount.tokens) {
        const steps = Math.ceil((input + now - reservation.amount.tokens) / EXTENSION)
        const wide = amounts(reservation.amount.tokens + steps * EXTENSION)
        if (allowance.extend(reservation, wide) !== null) {
          const denied = allowance.extend(reservation, amounts(input + now))
          if (denied !== null) return denied
        }
      }
      came = now
      return null
    },
    ended: () => allowance.extend(reservation, amounts(Number.MAX_SAFE_INTEGER)),
    answered: (by, said) => {
      const counts: Counts = {
        input_tokens: said?.input_tokens ?? input,
        output_tokens: said?.output_tokens ?? came,
        estimated: said?.input_tokens == null || said.output_tokens === null,
      }
      settle(counts, 1, by)
      return { ...counts, calls: 1 }
    },
    failed: (kind) => {
      const unbegun = notAsked.has(kind) || (notBegun.has(kind) && came === 0)
      // Whoever hung up knows how far it had come; of what broke, nobody knows.
      const tokens = kind === 'cancelled' ? input + came : Math.max(reservation.amount.tokens, input + came)
      const counts: Counts = unbegun
        ? { input_tokens: 0, output_tokens: 0, estimated: false }
        : { input_tokens: input, output_tokens: Math.max(0, tokens - input), estimated: true }
      const calls = notAsked.has(kind) ? 0 : 1
      settle(counts, calls, null)
      return { ...counts, calls }
    },
  })
}
