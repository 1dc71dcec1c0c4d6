import { globSync, readFileSync, statSync } from 'node:fs'
import { join, sep } from 'node:path'

/** Path from the root of the repository (with `/`) to text. */
export type Sources = Map<string, string>

const places = ['src', 'console', 'test', 'bench', 'examples', 'scripts', 'bin']

/** All code of ours, so that every check reads the tree once and tests can hand in a tree of their own. */
export function readSources(root: string): Sources {
  const sources: Sources = new Map()
  for (const place of places) {
    for (const found of globSync(`${place}/**/*.{ts,tsx,mts,mjs,js}`, {
      cwd: root,
      exclude: (name) => name === 'node_modules' || name === 'dist',
    })) {
      if (statSync(join(root, found)).isFile())
        sources.set(found.split(sep).join('/'), readFileSync(join(root, found), 'utf8'))
    }
  }
  return sources
}

/** Tests and what only tests import (conformance suites, stand-ins): they may reach further than the code they test. */
export const isTest = (path: string): boolean =>
  /\.(test|conformance)\.tsx?$|\/stand-in[^/]*\.ts$/.test(path) || path.startsWith('test/')

export type Problem = { path: string; line: number; message: string; instead: string }

export const lineAt = (text: string, offset: number): number => text.slice(0, offset).split('\n').length

/** Prints what was found, grouped as an editor can jump to it, and sets the exit status. */
export function report(problems: Problem[]): void {
  for (const { path, line, message, instead } of problems) console.log(`${path}:${line} ${message}\n    ${instead}`)
  if (problems.length > 0) {
    console.log(`${problems.length} problem${problems.length === 1 ? '' : 's'}`)
    process.exitCode = 1
  }
}
