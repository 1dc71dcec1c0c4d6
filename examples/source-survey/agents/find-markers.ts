/** Remarks of unfinished work: how many, and the first ones. */
import { commandAgent } from '../../command-agent.ts'
import { sourceFiles } from '../source-files.ts'

const SHOWN = 10
/** In capitals, as a word of its own, with a comment sign before it. */
const marker = /(?:\/\/|\/\*|^\s*\*|#|<!--|--).*?\b(TODO|FIXME|XXX|HACK)\b(?=[\s:(,.!]|$)/

await commandAgent(({ folder }: { folder: string }) => {
  const found = sourceFiles(folder).flatMap(({ path, lines }) =>
    lines.flatMap((line, index) => {
      const word = marker.exec(line)?.[1]
      return word === undefined ? [] : [{ path, line: index + 1, word }]
    }),
  )
  return { count: found.length, first: found.slice(0, SHOWN) }
})
