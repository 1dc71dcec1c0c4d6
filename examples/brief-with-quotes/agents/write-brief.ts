/** The brief in Markdown. Title and lead come from a model; what stands as a quote is checked here once more. */
import { commandAgent } from '../../command-agent.ts'
import { type Quote, sentencesOf, whyFalse } from '../sentences.ts'

type Found = { quotes: (Quote & { under: string; confirmed: boolean })[] }
type Input = { document: string; question: string; found: Found; words: { title: string; lead: string } | null }

/** One line, without marks that would make a model's words look like a quote or like Markdown. */
const plain = (text: string) =>
  text
    .replace(/["“”„«»<>#*_`|[\]\\]/g, '')
    .replace(/\s+/g, ' ')
    .trim()

await commandAgent(({ document, question, found, words }: Input) => {
  const sentences = sentencesOf(document)
  const quotes = found.quotes.filter(({ confirmed }) => words === null || confirmed)
  for (const quote of quotes) {
    const why = whyFalse(sentences, quote)
    if (why !== null) throw new Error(`a quote is refused, ${why}`)
  }
  const head =
    words === null
      ? ['# No brief', `Too few quotes were confirmed to answer: ${plain(question)} These were chosen:`]
      : [`# ${plain(words.title)}`, plain(words.lead), `Question: ${plain(question)}`]
  const body = quotes.map(({ number, text, under }) => {
    const place = under === '' ? `sentence ${number}` : `sentence ${number}, ${under}`
    return `${text.replace(/^/gm, '> ')}\n>\n> (${place})`
  })
  const foot =
    words === null
      ? 'Each quote is in the document, word for word.'
      : 'Each quote is in the document, word for word, and was confirmed by a second reader. Title and lead are a model’s words.'
  return [...head, ...body, foot].join('\n\n')
})
