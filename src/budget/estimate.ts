/**
 * What a call will use, guessed on the high side before it is made. Texts have at least 3 characters for each token in
 * the tokenizers of current models for European languages; others have fewer, so characters outside ASCII count as a
 * token each.
 */
import type { Amounts } from './amounts.ts'
import { costOf, type Price } from './prices.ts'

/** Output tokens that are reserved for a task which names no limit of its own. */
export const USUAL_OUTPUT = 4_096
/** Below this a call is not begun: too little for an answer. */
export const LEAST_OUTPUT = 128
/** Role, rules, marks around data, chat template, and standing instructions of an agent as they usually are. */
export const FRAME_TOKENS = 600
/** Of a call of the planner: its instructions with the schema of the form, and the longest plan. */
export const PLAN_PROMPT_TOKENS = 4_600
export const PLAN_OUTPUT = 1_600
const CHARACTERS_PER_TOKEN = 3

/** Tokens of a text, on the high side. */
export function tokensOf(text: string): number {
  let other = 0
  for (let i = 0; i < text.length; i++) if (text.charCodeAt(i) > 127) other++
  return Math.ceil((text.length - other) / CHARACTERS_PER_TOKEN) + other
}

/** The same for a text of which only the number of bytes (UTF-8) is known. */
export const tokensOfBytes = (bytes: number): number => Math.ceil(bytes / CHARACTERS_PER_TOKEN)

/**
 * What is reserved for a call, and how many tokens its answer may have. With less than usual left of tokens, the answer
 * gets what is left; the reservation asks for at least {@link LEAST_OUTPUT}, so that a call with nothing left is denied.
 * @param left tokens that are left, null without a limit
 * @param price the dearest that the call may have
 */
export function estimate(of: {
  prompt_tokens: number
  max_output_tokens: number | null
  left: number | null
  price: Price
}): { amounts: Amounts; max_output_tokens: number } {
  const wish = of.max_output_tokens ?? USUAL_OUTPUT
  const least = Math.min(wish, LEAST_OUTPUT)
  const output = of.left === null ? wish : Math.max(least, Math.min(wish, of.left - of.prompt_tokens))
  return {
    amounts: {
      calls: 1,
      tokens: of.prompt_tokens + output,
      money: costOf(of.price, of.prompt_tokens, output),
    },
    max_output_tokens: output,
  }
}
