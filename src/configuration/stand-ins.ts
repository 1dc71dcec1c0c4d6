/** For tests: a configuration loaded from files in a folder of its own. */
import assert from 'node:assert/strict'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { after } from 'node:test'
import type { Failure } from '../failure.ts'
import type { Configuration } from './configuration.ts'
import type { Environment } from './environment.ts'
import { type Flags, loadConfiguration } from './load-configuration.ts'

const folders: string[] = []
after(() => {
  for (const folder of folders) rmSync(folder, { recursive: true, force: true })
})

export const machine = { cores: 2, home: '/home/ann', xdg_cache_home: null }

export type Layers = { flags?: Flags; environment?: Environment; files?: Record<string, string> }

export function load({ flags = {}, environment = {}, files = {} }: Layers) {
  const cwd = mkdtempSync(join(tmpdir(), 'quorate-configuration-'))
  folders.push(cwd)
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(dirname(join(cwd, name)), { recursive: true })
    writeFileSync(join(cwd, name), text)
  }
  return { cwd, result: loadConfiguration({ flags, environment, cwd, machine }) }
}

export function loaded(layers: Layers): Configuration & { cwd: string } {
  const { cwd, result } = load(layers)
  assert.ok(result.ok, JSON.stringify(result))
  return { ...result.value, cwd }
}

export function problems(layers: Layers): Failure[] {
  const { result } = load(layers)
  assert.ok(!result.ok, 'expected a failure')
  assert.equal(result.failure.kind, 'invalid_input')
  return result.failure.problems ?? [result.failure]
}

export const localagi = (text: string) => ({ 'localagi-config.yaml': `localagi_orchestration:\n${text}` })
