/** The brief in Markdown: the words of a model above, sentences of the document below. */
import { commandAgent } from '../../command-agent.ts'
import { sentencesOf } from '../sentences.ts'

type Input = {
  document: string
  question: string
  found: { confirmed: number[]; others: number[] }
  words: { title: string; lead: string } | null
}

/** One line, without marks that would make a model's words look like a quote or like Markdown. */
const plain = (text: string) =>
  text
    .replace(/["“”„«»<>#*_`|[\]\\]/g, '')
    .replace(/\s+/g, ' ')
    .trim()

await commandAgent(({ document, question, found, words }: Input) => {
  const sentences = sentencesOf(document)
  const quote = (number: number) => {
    const sentence = sentences[number - 1]
    if (!sentence) throw new Error(`the document has no sentence ${number}`)
    const place = sentence.under === '' ? `sentence ${number}` : `sentence ${number}, ${sentence.under}`
    return `${sentence.text.replace(/^/gm, '> ')}\n>\n> (${place})`
  }
  if (words === null) {
    return [
      '# No brief',
      `Too few quotes were confirmed to answer: ${plain(question)}`,
      ...(found.confirmed.length > 0 ? ['Confirmed:', ...found.confirmed.map(quote)] : []),
      ...(found.others.length > 0 ? ['Chosen, and not confirmed:', ...found.others.map(quote)] : []),
    ].join('\n\n')
  }
  return [
    `# ${plain(words.title)}`,
    plain(words.lead),
    `Question: ${plain(question)}`,
    ...found.confirmed.map(quote),
    'The quotes stand in the document, word for word. That they answer the question is what two readers agreed on. Title and lead are a model’s words.',
  ].join('\n\n')
})
