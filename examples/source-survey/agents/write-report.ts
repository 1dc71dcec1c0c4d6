/** The survey in Markdown. */
import { commandAgent } from '../../command-agent.ts'

type Survey = {
  files: number | null
  lines: number | null
  languages: { [language: string]: { files: number; lines: number } } | null
  over: number | null
  longest: { path: string; lines: number }[] | null
  markers: { count: number; first: { path: string; line: number; word: string }[] } | null
  licences: { [licence: string]: number } | null
}
type Cuts = { path: string; declarations: number; largest: { name: string; line: number; lines: number }[] }[]
type Input = { survey: Survey; limit: number; cuts: Cuts | null }

const unknown = 'Not found out: the agent for it failed.'
const table = (head: string[], rows: (string | number)[][]): string =>
  [head, head.map(() => '---'), ...rows].map((row) => `| ${row.join(' | ')} |`).join('\n')

await commandAgent(({ survey, limit, cuts }: Input) => {
  const { files, lines, languages, over, longest, markers, licences } = survey
  const byLines = Object.entries(languages ?? {}).sort(([, a], [, b]) => b.lines - a.lines)
  return [
    '# Survey of a source tree',
    files === null ? unknown : `${files} files, ${lines} lines.`,
    '## Languages',
    languages === null
      ? unknown
      : table(
          ['Language', 'Files', 'Lines'],
          byLines.map(([name, count]) => [name, count.files, count.lines]),
        ),
    '## Longest files',
    longest === null
      ? unknown
      : table(
          ['File', 'Lines'],
          longest.map((file) => [file.path, file.lines]),
        ),
    over === null ? unknown : `${over} of more than ${limit} lines.`,
    ...(cuts === null ? [] : ['## Where they could be divided', cuts.map(cutLine).join('\n')]),
    '## Unfinished work',
    markers === null ? unknown : `${markers.count} remarks.`,
    ...(markers?.count ? [markers.first.map(({ path, line, word }) => `- ${path}:${line} ${word}`).join('\n')] : []),
    '## Licences named in the files',
    licences === null ? unknown : table(['Licence', 'Files'], Object.entries(licences)),
  ].join('\n\n')
})

function cutLine({ path, declarations, largest }: Cuts[number]): string {
  const parts = largest.map(({ name, line, lines }) => `${name} (line ${line}, ${lines} lines)`).join(', ')
  return `- ${path}: ${declarations} declarations${parts === '' ? '' : `, the largest ${parts}`}`
}
