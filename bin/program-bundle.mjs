/**
 * The program as a few files instead of 1,500: loading it takes a third of the time, which matters when it comes back after
 * a crash. Made from the sources when they changed, kept beside the packages. Without it, the sources run as they are.
 * Runs on Node 20.
 */
import { spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { basename, join } from 'node:path'

const BUNDLER = 'scripts/bundle-program.ts'

/** Hash over everything that the bundle is made of. @param {string} root @param {string[]} folders */
function sourcesHash(root, folders) {
  const hash = createHash('sha256')
  /** @param {string} folder */
  const take = (folder) => {
    for (const entry of readdirSync(join(root, folder), { withFileTypes: true }).sort((a, b) =>
      a.name < b.name ? -1 : 1,
    )) {
      const path = `${folder}/${entry.name}`
      if (entry.name === 'node_modules') continue
      if (entry.isDirectory()) take(path)
      else if (entry.name.endsWith('.ts') && !entry.name.endsWith('.test.ts'))
        hash.update(`${path}\0`).update(readFileSync(join(root, path)))
    }
  }
  for (const folder of folders) take(folder)
  // Paths of this clone are in it.
  hash.update(`${root}\0`).update(readFileSync(join(root, BUNDLER)))
  return hash
    .update(readFileSync(join(root, 'package-lock.json')))
    .digest('hex')
    .slice(0, 16)
}

/**
 * The file to run: the bundle of these sources, else the sources' own. With `build` it is made when it is not there; what
 * cannot be bundled runs from source, and says itself what is wrong.
 * @param {string} root @param {string} node
 * @param {{ build: boolean, entry?: string, beside?: string[] }} options `beside`: folders that the entry takes in besides src
 */
export function programFile(root, node, { build, entry = 'src/cli/main.ts', beside = [] }) {
  const source = join(root, entry)
  const folder = join(cache(root), `program-${basename(entry, '.ts')}-${sourcesHash(root, ['src', ...beside])}`)
  const file = join(folder, 'main.js')
  if (existsSync(file)) return file
  if (!build) return source
  spawnSync(node, [join(root, BUNDLER), source, folder], {
    cwd: root,
    stdio: 'ignore',
    timeout: 60_000,
  })
  return existsSync(file) ? file : source
}

/** Compiled code is kept here too. @param {string} root */
export const cache = (root) => join(root, 'node_modules', '.cache', 'quorate')
