import type { Json } from '../../src/workflow/value.ts'

/** The quotes of a brief as a reader of its Markdown sees them. */
export const quotesIn = (brief: Json): { number: number; text: string; under: string }[] =>
  [...String(brief).matchAll(/((?:^> .*\n)+)>\n> \(sentence (\d+)(?:, (.*))?\)$/gm)].map(
    ([, lines = '', number, under = '']) => ({
      number: Number(number),
      text: lines.trimEnd().replace(/^> /gm, ''),
      under,
    }),
  )
