/** Refuses every quote that is not in the document, letter for letter and with its number. Nothing false passes here. */
import { commandAgent } from '../../command-agent.ts'
import { type Quote, sentencesOf, whyFalse } from '../sentences.ts'

type Claim = Quote & { confirmed?: boolean }
/** `read`: what the readers found, by part; `given`: quotes from elsewhere, taken for confirmed. */
type Input = { document: string; read?: { [part: string]: Claim[] }; given?: Claim[] }

await commandAgent(({ document, read = {}, given = [] }: Input) => {
  const sentences = sentencesOf(document)
  const claims: Claim[] = [...Object.values(read).flat(), ...given.map((quote) => ({ ...quote, confirmed: true }))]
  const wrong = claims.flatMap((claim, index) => {
    const why = whyFalse(sentences, claim)
    return why === null ? [] : [`quote ${index + 1} of ${claims.length} is refused, ${why}`]
  })
  if (wrong.length > 0) throw new Error(wrong.slice(0, 5).join('; '))

  const quotes = sentences.flatMap(({ number, text, under }) => {
    const claimed = claims.filter((claim) => claim.number === number)
    if (claimed.length === 0) return []
    return [{ number, text, under, confirmed: claimed.some(({ confirmed }) => confirmed === true) }]
  })
  const confirmed = quotes.filter((quote) => quote.confirmed)
  return {
    quotes,
    confirmed: confirmed.length,
    // For a model with a small context: the beginning of the first ones.
    gist: confirmed.slice(0, 4).map(({ text }) => (text.length > 160 ? `${text.slice(0, 160)} …` : text)),
  }
})
