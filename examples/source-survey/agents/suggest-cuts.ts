/** Where a long file could be divided: its declarations that begin at the left margin, the longest first. */
import { commandAgent } from '../../command-agent.ts'
import { sourceFiles } from '../source-files.ts'

const declaration =
  /^(?:export\s+)?(?:default\s+)?(?:async\s+)?(?:function\*?|class|def|func|fn|interface|type|const)\s+([\w$]+)/
const SHOWN = 3

type Input = { folder: string; limit: number; longest: { path: string; lines: number }[] }

await commandAgent(({ folder, limit, longest }: Input) => {
  const wanted = new Set(longest.filter(({ lines }) => lines > limit).map(({ path }) => path))
  return sourceFiles(folder)
    .filter(({ path }) => wanted.has(path))
    .map(({ path, lines }) => {
      const starts = lines.flatMap((line, index) => {
        const name = declaration.exec(line)?.[1]
        return name === undefined ? [] : [{ name, line: index + 1 }]
      })
      const blocks = starts.map((start, index) => ({
        ...start,
        lines: (starts[index + 1]?.line ?? lines.length + 1) - start.line,
      }))
      return { path, declarations: blocks.length, largest: blocks.sort((a, b) => b.lines - a.lines).slice(0, SHOWN) }
    })
})
