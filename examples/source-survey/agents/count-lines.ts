/** Files and lines by language. */
import { commandAgent } from '../../command-agent.ts'
import { sourceFiles } from '../source-files.ts'

await commandAgent(({ folder }: { folder: string }) => {
  const languages: { [language: string]: { files: number; lines: number } } = {}
  for (const { language, lines } of sourceFiles(folder)) {
    languages[language] ??= { files: 0, lines: 0 }
    languages[language].files++
    languages[language].lines += lines.length
  }
  return languages
})
