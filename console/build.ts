/**
 * Builds the console into console/dist. Routes come from the list of operations at build time, so that no route stands
 * in the console's own code; everything else of src reaches it as types only.
 */
import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { build } from 'vite'
import { operations } from '../src/operations/all.ts'

const root = import.meta.dirname
const stamp = process.argv[2]

await build({
  root,
  configFile: false,
  base: '/console/',
  logLevel: 'error',
  define: {
    __ROUTES__: JSON.stringify(Object.fromEntries(operations.map(({ name, method, path }) => [name, [method, path]]))),
  },
  build: {
    outDir: join(root, 'dist'),
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
for (const name of readdirSync(join(root, 'dist', 'assets'))) {
  const path = join(root, 'dist', 'assets', name)
  writeFileSync(`${path}.gz`, gzipSync(readFileSync(path), { level: 9 }))
}
if (stamp !== undefined) writeFileSync(join(root, 'dist', 'stamp'), stamp)
