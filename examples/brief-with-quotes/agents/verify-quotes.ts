/** Refuses every quote that is not in the document, letter for letter and with its number. Nothing false passes here. */
import { commandAgent } from '../../command-agent.ts'
import { type Quote, sentencesOf, whyFalse } from '../sentences.ts'

type Claim = Quote & { confirmed?: boolean }
/** `read`: what the readers found, by part; `given`: quotes from elsewhere, taken for confirmed. */
type Input = { document: string; read?: { [part: string]: Claim[] }; given?: Claim[] }

await commandAgent(({ document, read = {}, given = [] }: Input) => {
  const sentences = sentencesOf(document)
  const claims: Claim[] = [...given, ...Object.values(read).flat()]
  const wrong = claims.flatMap((claim, index) => {
    const why = whyFalse(sentences, claim)
    return why === null ? [] : [`quote ${index + 1} of ${claims.length} is refused: ${why}`]
  })
  if (wrong.length > 0) throw new Error(wrong.slice(0, 5).join('; '))

  const confirmed = new Set(
    [...given, ...claims.filter((claim) => claim.confirmed === true)].map(({ number }) => number),
  )
  const others = new Set(claims.map(({ number }) => number)).difference(confirmed)
  const inOrder = (numbers: Set<number>) => [...numbers].sort((a, b) => a - b)
  return {
    // From here on only numbers travel: whoever needs the words takes them from the document.
    confirmed: inOrder(confirmed),
    others: inOrder(others),
    /** For a model with a small context: the beginning of the first ones. */
    gist: inOrder(confirmed)
      .slice(0, 4)
      .map((number) => sentences[number - 1]?.text.slice(0, 160)),
  }
})
