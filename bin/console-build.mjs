/** Builds the console when its sources changed since the last build. Runs on Node 20. */
import { spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'

/** Hash over everything that the built console is made of. @param {string} root */
function sourcesHash(root) {
  const hash = createHash('sha256')
  /** @param {string} folder */
  const take = (folder) => {
    for (const entry of readdirSync(join(root, folder), { withFileTypes: true }).sort((a, b) =>
      a.name < b.name ? -1 : 1,
    )) {
      const path = `${folder}/${entry.name}`
      if (entry.isDirectory()) {
        if (!/^dist(\.|$)/.test(entry.name)) take(path)
      } else if (!entry.name.endsWith('.test.ts')) hash.update(`${path}\0`).update(readFileSync(join(root, path)))
    }
  }
  take('console')
  // Routes come from the operations, and the libraries from the lock file.
  take('src/operations')
  return hash.update(readFileSync(join(root, 'package-lock.json'))).digest('hex')
}

/**
 * Of two starts at once one builds and the other waits for it (console/build.ts).
 * A console that cannot be built must not keep the program from starting: the landing page stands in for it.
 * @param {string} root @param {string} node @param {NodeJS.WriteStream} [out]
 */
export async function buildConsole(root, node, out = process.stderr) {
  const stampFile = join(root, 'console', 'dist', 'stamp')
  const stamp = sourcesHash(root)
  if (existsSync(stampFile) && readFileSync(stampFile, 'utf8') === stamp) return
  const began = Date.now()
  out.write('quorate: building the console …')
  let said = ''
  const child = spawn(node, [join(root, 'console', 'build.ts'), stamp], {
    cwd: root,
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk) => (said = (said + chunk).slice(-4_000)))
  /** @type {number | null} */
  const code = await new Promise((resolve) => {
    child.on('error', (error) => {
      said += error.message
      resolve(null)
    })
    child.on('close', resolve)
  })
  if (code === 0) out.write(` done in ${((Date.now() - began) / 1000).toFixed(1)} s\n`)
  else out.write(` failed; Quorate starts without it\n${said.trim()}\n`)
}
