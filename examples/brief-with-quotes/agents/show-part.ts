/** The sentences of one part, numbered, as a reader gets them. */
import { commandAgent } from '../../command-agent.ts'
import { type Part, sentencesOf, shown } from '../sentences.ts'

await commandAgent(({ document, part }: { document: string; part: Part }) => shown(sentencesOf(document), part))
