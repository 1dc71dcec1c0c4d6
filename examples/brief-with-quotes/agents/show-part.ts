/** The sentences of one part, numbered, as a reader gets them. */
import { commandAgent } from '../../command-agent.ts'
import { type Order, type Part, sentencesOf, shown } from '../sentences.ts'

type Input = { document: string; part: Part; order: Order }

await commandAgent(({ document, part, order }: Input) => shown(sentencesOf(document), part, order))
