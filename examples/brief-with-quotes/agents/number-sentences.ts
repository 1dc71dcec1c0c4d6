/** How many sentences a document has, and the parts in which they are read. */
import { commandAgent } from '../../command-agent.ts'
import { partsOf, sentencesOf } from '../sentences.ts'

await commandAgent(({ document }: { document: string }) => {
  const sentences = sentencesOf(document)
  if (sentences.length === 0) throw new Error('the document has no sentences')
  return { sentences: sentences.length, parts: partsOf(sentences) }
})
