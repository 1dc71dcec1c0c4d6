/** The quotes of one part, each once, with who chose it and who, not having chosen it, said that it answers the question. */
import { commandAgent } from '../../command-agent.ts'
import type { Quote } from '../sentences.ts'

type Input = { quotes: { [reader: string]: Quote }; checks: { [reader: string]: { answers: boolean } } }

await commandAgent(({ quotes, checks }: Input) => {
  const weighed = new Map<number, Quote & { chosen_by: string[]; confirmed: boolean }>()
  for (const [reader, { number, text }] of Object.entries(quotes)) {
    const known = weighed.get(number)
    const confirmed = checks[reader]?.answers === true
    weighed.set(number, {
      number,
      text,
      chosen_by: [...(known?.chosen_by ?? []), reader],
      confirmed: confirmed || known?.confirmed === true,
    })
  }
  return [...weighed.values()]
})
