/**
 * Builds the console into console/dist. Routes come from the list of operations at build time, so that no route stands
 * in the console's own code; everything else of src reaches it as types only.
 *
 *     node console/build.ts [STAMP [FOLDER]]
 *
 * One build at a time for each folder, also when two programs start at once: the second finds its stamp there and is done.
 * What is built appears as a whole; a build that is killed leaves the console of before.
 */
import { existsSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { gzipSync } from 'node:zlib'
import { build, type Plugin } from 'vite'
import { tryLock } from '../bin/setup-lock.mjs'
import { operations } from '../src/operations/all.ts'

const root = import.meta.dirname
const [stamp, folder = join(root, 'dist')] = process.argv.slice(2)
const [target, next, before] = [resolve(folder), `${resolve(folder)}.next`, `${resolve(folder)}.before`]
const POLL_MS = 200

const isBuilt = (): boolean => {
  const path = join(target, 'stamp')
  return stamp !== undefined && existsSync(path) && readFileSync(path, 'utf8') === stamp
}

/** The browser fetches the console's code as soon as it has the page, not when the small script that asks for it has run. */
const mainBesideFirst: Plugin = {
  name: 'main-beside-first',
  transformIndexHtml: {
    order: 'post',
    handler: (_, { bundle }) => {
      const chunks = Object.values(bundle ?? {}).filter((one) => one.type === 'chunk')
      const main = chunks.find(({ facadeModuleId }) => facadeModuleId?.endsWith('/src/main.tsx'))
      if (main === undefined) throw new Error('the build has no main.tsx')
      const first = chunks.find(({ isEntry }) => isEntry)?.fileName
      return [...main.imports, main.fileName]
        .filter((file) => file !== first)
        .map((file) => ({
          tag: 'link',
          attrs: { rel: 'modulepreload', crossorigin: true, href: `/console/${file}` },
          injectTo: 'head',
        }))
    },
  },
}

let lock = tryLock(target)
for (; !lock.held; lock = tryLock(target)) await pause(POLL_MS)
const { release } = lock
try {
  if (isBuilt()) process.stdout.write('another one has built it\n')
  else {
    await buildInto(next)
    // What a build that was killed just here left behind.
    rmSync(before, { recursive: true, force: true })
    if (existsSync(target)) renameSync(target, before)
    renameSync(next, target)
    rmSync(before, { recursive: true, force: true })
    process.stdout.write('built\n')
  }
} finally {
  release()
}

async function buildInto(outDir: string): Promise<void> {
  await build({
    root,
    configFile: false,
    base: '/console/',
    logLevel: 'error',
    define: {
      __ROUTES__: JSON.stringify(
        Object.fromEntries(operations.map(({ name, method, path }) => [name, [method, path]])),
      ),
    },
    plugins: [mainBesideFirst],
    build: {
      outDir,
      emptyOutDir: true,
      target: 'es2024',
      cssTarget: 'chrome125',
      // Nothing is inlined: the Content-Security-Policy allows no data: addresses.
      assetsInlineLimit: 0,
      modulePreload: { polyfill: false },
      chunkSizeWarningLimit: 2_000,
      reportCompressedSize: false,
    },
  })
  // The server sends these to every browser that takes gzip.
  for (const name of readdirSync(join(outDir, 'assets'))) {
    const path = join(outDir, 'assets', name)
    writeFileSync(`${path}.gz`, gzipSync(readFileSync(path), { level: 9 }))
  }
  if (stamp !== undefined) writeFileSync(join(outDir, 'stamp'), stamp)
}
