/** docs/proof.md: a section for each part, with what it was measured on. A part that was not run now keeps its section. */
import type { Figure, Report } from './report.ts'

export type Section = {
  title: string
  file: string
  report: Report
  seconds: number
  /** One-minute load average when the part began. */
  load: number
}

/** What all sections of one run of the proof share. `machine` says cores, memory, system; `extent`: all of it, a sample, or with which options. */
export type Circumstances = { commit: string; date: string; machine: string; extent: string; seed: number }

export const shown = ({ value, unit }: Figure): string =>
  value === null ? 'none' : `${value}${unit === undefined ? '' : ` ${unit}`}`

export const verdict = ({ promise, kept }: Figure): string =>
  promise === undefined ? '' : kept === true ? 'kept' : '**broken**'

/** Text of one cell of a table. */
const escapedCell = (text: string): string => text.replaceAll('|', '\\|').replace(/\s+/g, ' ')

function sectionText({ title, file, report, seconds, load }: Section, on: Circumstances): string {
  return [
    `## ${title}`,
    '',
    `Part \`${report.part}\` (\`${file}\`), ${on.extent}, seed ${on.seed}, ${Math.round(seconds)} s; ` +
      `commit ${on.commit}, ${on.date}, load ${load.toFixed(1)} when it began; ${on.machine}.`,
    '',
    '| what | figure | promise | |',
    '| --- | --- | --- | --- |',
    ...report.figures.map(
      (figure) =>
        `| ${escapedCell(figure.what)} | ${escapedCell(shown(figure))} | ${figure.promise ?? ''} | ${verdict(figure)} |`,
    ),
    ...(report.not_run.length === 0
      ? []
      : ['', 'Not run:', '', ...report.not_run.map((each) => `- ${escapedCell(each)}`)]),
  ].join('\n')
}

/**
 * @param order titles of all parts, as they stand in the document
 * @param before the document as it is; sections of parts that were not run now are taken from it
 */
export function proofDocument(
  sections: readonly Section[],
  on: Circumstances,
  order: readonly string[],
  before: string,
): string {
  const kept = new Map(
    before
      .split(/^(?=## )/m)
      .slice(1)
      .map((text) => [/^## (.*)$/m.exec(text)?.[1] ?? '', text.trimEnd()] as const),
  )
  const now = new Map(sections.map((section) => [section.title, sectionText(section, on)] as const))
  const texts = order.flatMap((title) => now.get(title) ?? kept.get(title) ?? [])
  const missing = order.filter((title) => !now.has(title) && !kept.has(title))
  return [
    '# Proof',
    '',
    'Written by `npm run proof`; repeat it on your machine. What each part does is said at the head of its file. Parts may be run one by one',
    '(`npm run proof -- kills`): each section says of which commit it is, and on what it was measured.',
    '',
    ...texts.flatMap((text) => [text, '']),
    ...(missing.length === 0 ? [] : ['## Never run', '', ...missing.map((title) => `- ${title}`), '']),
  ].join('\n')
}
