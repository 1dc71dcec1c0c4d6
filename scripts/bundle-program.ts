/**
 * Puts the program, or another entry that takes it in, into a few files. Started by bin/program-bundle.mjs.
 * Usage: bundle-program.ts <entry> <folder>
 */
import { existsSync, readdirSync, renameSync, rmSync, statSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { type Plugin, rolldown } from 'rolldown'

const root = join(import.meta.dirname, '..')
const [entry, folder] = process.argv.slice(2) as [string, string]
/** Bundles that are kept: a program that runs at this moment may still load parts of an older one. */
const KEPT = 6

/**
 * Packages that are taken in: plain JavaScript that loads nothing by path. All others are loaded from node_modules, as are
 * packages that are named here and not known to be such any more.
 */
const takenIn = [
  '@cfworker/json-schema',
  '@hono/node-server',
  '@marcbachmann/cel-js',
  '@restatedev/restate-sdk',
  '@restatedev/restate-sdk-core',
  'canonicalize',
  'commander',
  'hono',
  'ipaddr.js',
  'kysely',
  'ollama',
  'openai',
  'uuid',
  'yaml',
  'zod',
]

/** Threads, and who begins them: bundled each by itself, beside the program, since reading sources takes them longest. */
const threads = [{ file: 'src/store/commit-thread.ts', begun_by: 'src/store/event-commits.ts' }]

/** What a file finds by its own place stays where it is, but for threads. */
const inPlace: Plugin = {
  name: 'in-place',
  transform(code, id) {
    if (!id.startsWith(root) || id.startsWith(join(root, 'node_modules'))) return null
    const place = threads.some(({ begun_by }) => id === join(root, begun_by)) ? join(folder, 'main.js') : id
    return code
      .replaceAll('import.meta.dirname', JSON.stringify(dirname(place)))
      .replaceAll('import.meta.filename', JSON.stringify(place))
      .replaceAll('import.meta.url', JSON.stringify(pathToFileURL(place).href))
  },
}

const bundled = (input: Record<string, string>) =>
  rolldown({
    input,
    platform: 'node',
    external: (id) =>
      !id.startsWith('.') && !id.startsWith('/') && !takenIn.some((name) => id === name || id.startsWith(`${name}/`)),
    plugins: [inPlace],
    logLevel: 'silent',
  })
const parts = [{ main: entry }, ...threads.map(({ file }) => ({ [basename(file, '.ts')]: join(root, file) }))]
// Whole or not at all: two may do this at once.
const unfinished = `${folder}.${process.pid}`
try {
  // Without comments, which would be read at each start. Not minified: what an uncaught error shows of the
  // source is its line.
  for (const part of parts) await (await bundled(part)).write({ dir: unfinished, format: 'esm', comments: false })
  if (!existsSync(folder)) renameSync(unfinished, folder)
} finally {
  rmSync(unfinished, { recursive: true, force: true })
}
const older = readdirSync(dirname(folder))
  .filter((name) => name.startsWith('program-'))
  .map((name) => join(dirname(folder), name))
  .sort((a, b) => statSync(b).mtimeMs - statSync(a).mtimeMs)
for (const old of older.slice(KEPT)) rmSync(old, { recursive: true, force: true })
