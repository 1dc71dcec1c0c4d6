/** Fenced blocks of the docs, with what their info string says is to be done with them. */
import { globSync, readFileSync } from 'node:fs'
import { join } from 'node:path'

export const ROOT = join(import.meta.dirname, '../..')

/** Pages whose blocks are run and checked; examples have tests of their own (test/examples). */
export const pages: readonly string[] = [
  ...['README.md', 'AGENTS.md', 'CONTRIBUTING.md', 'CHANGELOG.md', 'DEPENDENCIES.md'],
  ...globSync('docs/*.md', { cwd: ROOT }).sort(),
]

export const pageText = (page: string): string => readFileSync(join(ROOT, page), 'utf8')

/** `sh run` → language sh, mark run. */
export type Block = { page: string; line: number; language: string; mark: string; text: string }

export function blocksOf(page: string, text = pageText(page)): Block[] {
  const blocks: Block[] = []
  let open: (Block & { fence: string; lines: string[] }) | null = null
  for (const [index, line] of text.split('\n').entries()) {
    if (open !== null) {
      if (line.trim() !== open.fence) {
        open.lines.push(line)
        continue
      }
      const { page, line: at, language, mark, lines } = open
      blocks.push({ page, line: at, language, mark, text: lines.join('\n') })
      open = null
      continue
    }
    const [, fence, info] = /^\s*(`{3,}|~{3,})(.*)$/.exec(line) ?? []
    if (fence === undefined || info === undefined) continue
    const [language = '', ...mark] = info.trim().split(/\s+/)
    open = { page, line: index + 1, language, mark: mark.join(' '), text: '', fence, lines: [] }
  }
  if (open !== null) throw new Error(`${page}:${open.line} a block that is not closed`)
  return blocks
}

/**
 * What is done with blocks of shell commands: `start` (started, the blocks after it run against it), `run` (run without
 * a model), `model` (run on a real model by test/service/readme.test.ts), `ci` (each line stands in .ci/run).
 */
export const shellMarks = ['start', 'run', 'model', 'ci']

/** Languages of a shell; all must be written as sh, so that none slips through. */
export const shellLanguages = ['sh', 'bash', 'shell', 'zsh', 'console', 'shell-session', '']
