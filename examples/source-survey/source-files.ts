/** Which files a survey looks at, and what it takes from them. */
import { type Dirent, readdirSync, readFileSync, statSync } from 'node:fs'
import { extname, isAbsolute, join, relative, sep } from 'node:path'

export type SourceFile = { path: string; language: string; lines: string[] }

const languages: { [extension: string]: string } = {
  '.ts': 'TypeScript',
  '.tsx': 'TypeScript',
  '.mts': 'TypeScript',
  '.js': 'JavaScript',
  '.mjs': 'JavaScript',
  '.cjs': 'JavaScript',
  '.py': 'Python',
  '.go': 'Go',
  '.rs': 'Rust',
  '.java': 'Java',
  '.c': 'C',
  '.h': 'C',
  '.cpp': 'C++',
  '.hpp': 'C++',
  '.rb': 'Ruby',
  '.sh': 'Shell',
  '.yaml': 'YAML',
  '.yml': 'YAML',
  '.json': 'JSON',
  '.md': 'Markdown',
  '.css': 'CSS',
  '.html': 'HTML',
  '.sql': 'SQL',
}

const MOST_FILES = 20_000
const LARGEST_BYTES = 2_000_000
/** What others wrote, or a program. */
const passedOver = new Set(['node_modules', 'dist', 'build', 'target', 'vendor'])

/**
 * The source files below a folder, sorted by path. Hidden ones, links and what is larger than 2 MB are left out.
 * @throws when the folder cannot be read, or has more than 20,000 such files
 */
export function sourceFiles(folder: string): SourceFile[] {
  // A command agent works in a folder of its own, so a relative path would mean another place than the person's.
  if (!isAbsolute(folder)) throw new Error(`"${folder}" is not a whole path: write --input folder="$PWD/${folder}"`)
  const files: SourceFile[] = []
  const open = [folder]
  for (let next = open.pop(); next !== undefined; next = open.pop()) {
    for (const entry of entriesOf(next)) {
      const path = join(next, entry.name)
      if (entry.name.startsWith('.') || passedOver.has(entry.name)) continue
      if (entry.isDirectory()) open.push(path)
      const language = languages[extname(entry.name)]
      if (!entry.isFile() || language === undefined || statSync(path).size > LARGEST_BYTES) continue
      if (files.length === MOST_FILES)
        throw new Error(`more than ${MOST_FILES} files in ${folder}: survey a part of it`)
      files.push({ path: relative(folder, path).split(sep).join('/'), language, lines: linesOf(path) })
    }
  }
  return files.sort((a, b) => (a.path < b.path ? -1 : 1))
}

function entriesOf(folder: string): Dirent[] {
  try {
    return readdirSync(folder, { withFileTypes: true })
  } catch (error) {
    throw new Error(`${folder} cannot be read (${(error as NodeJS.ErrnoException).code})`)
  }
}

/** The end of the last line does not begin another one. */
function linesOf(path: string): string[] {
  const text = readFileSync(path, 'utf8').replace(/\r?\n$/, '')
  return text === '' ? [] : text.split(/\r?\n/)
}
