/** Brings the findings of the four surveyors together. What one of them could not find out is null, not left out. */
import { commandAgent } from '../../command-agent.ts'

type Findings = {
  lines?: { [language: string]: { files: number; lines: number } }
  longest?: { over: number; files: { path: string; lines: number }[] }
  markers?: object
  licences?: object
}

await commandAgent(({ findings }: { findings: Findings }) => {
  const { lines, longest, markers, licences } = findings
  const counts = lines && Object.values(lines)
  const sum = (of: 'files' | 'lines') => counts?.reduce((total, count) => total + count[of], 0) ?? null
  return {
    files: sum('files'),
    lines: sum('lines'),
    languages: lines ?? null,
    over: longest?.over ?? null,
    longest: longest?.files ?? null,
    markers: markers ?? null,
    licences: licences ?? null,
  }
})
