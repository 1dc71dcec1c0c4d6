/** The quotes of one part, each once: who chose it, and whether the two readers agree on it. */
import { commandAgent } from '../../command-agent.ts'
import type { Part, Quote } from '../sentences.ts'

type Input = {
  part: Part
  quotes: { [reader: string]: Quote }
  /** By the reader who chose the quote, what the other one said of it. */
  checks: { [reader: string]: { answers: boolean } }
}

await commandAgent(({ part, quotes, checks }: Input) => {
  const choices = Object.entries(quotes)
  const numbers = new Set(choices.map(([, { number }]) => number))
  return [...numbers].map((number) => {
    const chosen = choices.filter(([, quote]) => quote.number === number)
    const readers = chosen.map(([reader]) => reader)
    // Where there was nothing to choose from, to choose the same says nothing.
    const both = readers.length > 1 && part.last > part.first
    const confirmed = both || readers.some((reader) => checks[reader]?.answers === true)
    return { number, text: chosen[0]?.[1].text, chosen_by: readers, confirmed }
  })
})
