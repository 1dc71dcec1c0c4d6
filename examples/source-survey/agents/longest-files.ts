/** The files with the most lines, and how many have more than the limit. */
import { commandAgent } from '../../command-agent.ts'
import { sourceFiles } from '../source-files.ts'

/** Small enough to travel within the run's state. */
const SHOWN = 10

await commandAgent(({ folder, limit }: { folder: string; limit: number }) => {
  const files = sourceFiles(folder).map(({ path, lines }) => ({ path, lines: lines.length }))
  files.sort((a, b) => b.lines - a.lines || (a.path < b.path ? -1 : 1))
  return { over: files.filter(({ lines }) => lines > limit).length, files: files.slice(0, SHOWN) }
})
