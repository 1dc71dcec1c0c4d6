/** How many sentences a document has, and the parts in which they are read. */
import { commandAgent } from '../../command-agent.ts'
import { partsOf, sentencesOf } from '../sentences.ts'

/** As many as the definition goes through. */
const MOST_PARTS = 100

await commandAgent(({ document }: { document: string }) => {
  const sentences = sentencesOf(document)
  const parts = partsOf(sentences)
  if (parts.length === 0) throw new Error('the document has no sentences')
  if (parts.length > MOST_PARTS)
    throw new Error(`the document has ${parts.length} parts, at most ${MOST_PARTS} are read: give a chapter of it`)
  return { sentences: sentences.length, parts }
})
