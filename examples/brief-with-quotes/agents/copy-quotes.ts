/** Turns the number that each reader chose in a part into a quote, copied from the document. */
import { commandAgent } from '../../command-agent.ts'
import { type Part, quoteOf, sentencesOf } from '../sentences.ts'

type Input = { document: string; part: Part; choices: { [reader: string]: { sentence: number } } }

await commandAgent(({ document, part, choices }: Input) => {
  const sentences = sentencesOf(document)
  const quotes = Object.entries(choices).flatMap(([reader, { sentence }]) => {
    const quote = quoteOf(sentences, part, sentence)
    return quote ? [[reader, quote]] : []
  })
  // A reader that chose a number which the part does not have has chosen nothing.
  return Object.fromEntries(quotes)
})
