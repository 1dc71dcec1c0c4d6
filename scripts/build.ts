/** `npm run build`: what the packed package runs, in `dist`. The program itself runs from source and needs no build. */
import { spawnSync } from 'node:child_process'
import { cpSync, globSync, rmSync } from 'node:fs'
import { join, relative } from 'node:path'

const root = join(import.meta.dirname, '..')
const [source, built] = [join(root, 'src'), join(root, 'dist')]

// What has gone from src must not stay in the package.
rmSync(built, { recursive: true, force: true })
const compiler = join(root, 'node_modules', 'typescript', 'bin', 'tsc')
const { status } = spawnSync(process.execPath, [compiler, '-p', join(root, 'tsconfig.build.json')], {
  stdio: 'inherit',
})
if (status !== 0) {
  // A package that was built halfway must not be packed.
  rmSync(built, { recursive: true, force: true })
  process.exit(1)
}
// Built anew, so that the package has the console of these sources.
const consoleBuilt = spawnSync(process.execPath, [join(root, 'console', 'build.ts')], { stdio: 'inherit' })
if (consoleBuilt.status !== 0) process.exit(1)
for (const asset of globSync('src/**/*', { cwd: root, withFileTypes: true })) {
  if (!asset.isFile() || asset.name.endsWith('.ts')) continue
  const path = join(asset.parentPath, asset.name)
  cpSync(path, join(built, relative(source, path)))
}
