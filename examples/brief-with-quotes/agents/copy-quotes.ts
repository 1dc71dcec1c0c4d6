/** Turns the number that each reader chose in a part into a quote, copied from the document. */
import { commandAgent } from '../../command-agent.ts'
import { type Order, type Part, quoteOf, sentencesOf } from '../sentences.ts'

type Input = {
  document: string
  part: Part
  choices: { [reader: string]: { sentence: number } }
  orders: { [reader: string]: Order }
}

await commandAgent(({ document, part, choices, orders }: Input) => {
  const sentences = sentencesOf(document)
  const quotes = Object.entries(choices).flatMap(([reader, { sentence }]) => {
    const quote = quoteOf(sentences, part, orders[reader] ?? 'forward', sentence)
    // A reader that chose a number which the part does not have has chosen nothing.
    return quote ? [[reader, quote]] : []
  })
  return Object.fromEntries(quotes)
})
