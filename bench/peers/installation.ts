/** The peers' packages: installed on first use, and again when package-lock.json changed. */
import { spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

const here = import.meta.dirname
const STAMP = join(here, 'node_modules', '.installed')

/** Why there are none, or null when they are there. Says on standard error what it does. */
export function installPeers(): string | null {
  const lock = createHash('sha256')
    .update(readFileSync(join(here, 'package-lock.json')))
    .digest('hex')
  if (existsSync(STAMP) && readFileSync(STAMP, 'utf8') === lock) return null
  process.stderr.write('  installing LangGraph and Mastra into bench/peers/node_modules, about 230 MB, once …\n')
  const options = ['install', '--no-save', '--ignore-scripts', '--no-audit', '--no-fund', '--loglevel=error']
  const { status, stderr, error } = spawnSync('npm', options, { cwd: here, encoding: 'utf8' })
  if (status !== 0) return `not installed: ${(error?.message ?? stderr).trim().split('\n')[0] ?? ''}`.slice(0, 300)
  writeFileSync(STAMP, lock)
  return null
}

/** Versions as they are installed: package name to version. */
export function versionsOf(packages: readonly string[]): string[] {
  return packages.map((name) => {
    try {
      const { version } = JSON.parse(readFileSync(join(here, 'node_modules', name, 'package.json'), 'utf8'))
      return `${name} ${version}`
    } catch {
      return `${name} (not installed)`
    }
  })
}
