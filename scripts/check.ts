/** `npm run check`: everything about the code that needs nothing to be started. Exit status 1 when anything is wrong. */
import { spawn } from 'node:child_process'
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'

const root = join(import.meta.dirname, '..')
const cache = join(root, 'node_modules', '.cache', 'quorate')
mkdirSync(cache, { recursive: true })

const tool = (path: string) => join(root, 'node_modules', path)

/** Longest first; as many at once as there are two of, which is what a small machine has. */
const checks: { name: string; what: string; args: string[] }[] = [
  {
    name: 'types',
    what: 'tsc, strict',
    args: [
      tool('typescript/bin/tsc'),
      '-p',
      '.',
      '--incremental',
      '--tsBuildInfoFile',
      join(cache, 'types.tsbuildinfo'),
    ],
  },
  {
    name: 'console',
    what: 'tsc over the console and the types of operations',
    args: [
      tool('typescript/bin/tsc'),
      '-p',
      'console',
      '--incremental',
      '--tsBuildInfoFile',
      join(cache, 'console.tsbuildinfo'),
    ],
  },
  {
    name: 'lint',
    what: 'Biome: rules and formatting',
    args: [tool('@biomejs/biome/bin/biome'), 'check', '--error-on-warnings', '--max-diagnostics=50'],
  },
  {
    name: 'unused',
    what: 'knip: dead files, exports, dependencies',
    args: [tool('knip/bin/knip.js'), '--no-progress', '--cache', '--cache-location', cache],
  },
  { name: 'imports', what: 'who imports whom; no clock or dice in pure folders', args: ['scripts/check-imports.ts'] },
  { name: 'shape', what: 'names, adapters, routes, paths in docs, sizes', args: ['scripts/check-shape.ts'] },
]
const AT_ONCE = 2

const only = process.argv.slice(2)
const unknown = only.filter((name) => !checks.some((check) => check.name === name))
if (unknown.length > 0) {
  console.error(`there is no check ${unknown.join(', ')}; there are ${checks.map(({ name }) => name).join(', ')}`)
  process.exit(64)
}

function run({ name, what, args }: (typeof checks)[number]): Promise<boolean> {
  const started = performance.now()
  const { promise, resolve } = Promise.withResolvers<boolean>()
  const child = spawn(process.execPath, args, { cwd: root, stdio: ['ignore', 'pipe', 'pipe'] })
  const said: Buffer[] = []
  child.stdout.on('data', (bytes: Buffer) => said.push(bytes))
  child.stderr.on('data', (bytes: Buffer) => said.push(bytes))
  child.on('error', (error) => said.push(Buffer.from(error.message)))
  child.on('close', (code) => {
    const seconds = ((performance.now() - started) / 1000).toFixed(1)
    console.log(`${code === 0 ? 'ok  ' : 'FAIL'} ${name.padEnd(8)} ${seconds.padStart(5)} s  ${what}`)
    if (code !== 0) console.log(Buffer.concat(said).toString().trimEnd().replace(/^/gm, '    '))
    resolve(code === 0)
  })
  return promise
}

const waiting = checks.filter(({ name }) => only.length === 0 || only.includes(name))
const results: boolean[] = []
await Promise.all(
  Array.from({ length: AT_ONCE }, async () => {
    for (let check = waiting.shift(); check; check = waiting.shift()) results.push(await run(check))
  }),
)
process.exitCode = results.every(Boolean) ? 0 : 1
