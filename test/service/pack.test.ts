/**
 * The packed package in an empty project: it installs, type-checks, runs embedded, and its command serves. Needs the
 * package registry and about 1.5 GB of disk; some minutes. Run it with `npm test -- test/service/pack.test.ts`.
 */
import assert from 'node:assert/strict'
import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { promisify } from 'node:util'

const execute = promisify(execFile)
const root = join(import.meta.dirname, '..', '..')
const project = mkdtempSync(join(tmpdir(), 'quorate-pack-'))
after(() => rmSync(project, { recursive: true, force: true }))

/** Nothing of this clone is on the PATH, and no model is fetched. */
const env = {
  ...process.env,
  PATH: (process.env.PATH ?? '')
    .split(':')
    .filter((folder) => !folder.startsWith(root))
    .join(':'),
  QUORATE_MODELS_LOCAL_ENABLED: 'false',
}
const npm = (...args: string[]) => execute('npm', args, { cwd: project, env, timeout: 240_000 })

const program = `
import { defineAgent, defineWorkflow, openQuorate, type RunResult, tasks } from 'quorate'

const echo = defineAgent({
  name: 'echo',
  input: { text: { type: 'text', required: true } },
  perform: ({ input }) => input.text.toUpperCase(),
})
const say = defineWorkflow({
  name: 'say',
  inputs: { text: { type: 'text', required: true } },
  stages: [tasks({ id: 'only', tasks: [{ id: 'a', agent: echo.name, instructions: 'Say it', input: { text: '=inputs.text' } }] })],
})
const quorate = await openQuorate({ agents: [echo], models: false })
// @ts-expect-error: there is no input \`word\`
await quorate.run(say, { text: 'x', word: 'y' }).catch((error) => console.log(error.failure.field))
const result: RunResult = await (await quorate.run(say, { text: 'packed' })).result()
console.log(result.status, result.output)
await quorate.close()
`

before(async () => {
  const { stdout } = await execute('npm', ['pack', '--pack-destination', project, '--json'], { cwd: root, env })
  const [{ filename, size }] = JSON.parse(stdout.slice(stdout.lastIndexOf('\n[') + 1)) as [
    { filename: string; size: number },
  ]
  assert.ok(size < 2_000_000, `the package has ${size} bytes`)
  writeFileSync(
    join(project, 'package.json'),
    JSON.stringify({ name: 'empty', private: true, type: 'module', scripts: { embedded: 'node program.ts' } }),
  )
  // Nothing that Quorate needs has an install script.
  await npm('install', '--ignore-scripts', '--no-audit', '--no-fund', '--prefer-offline', join(project, filename))
})

test('brings compiled code and no source', () => {
  const there = readdirSync(join(project, 'node_modules', 'quorate')).sort()
  assert.deepEqual(
    there.filter((name) => ['bin', 'dist', 'docs', 'package.json', 'src', 'test'].includes(name)),
    ['bin', 'dist', 'docs', 'package.json'],
  )
})

test('a program of the project type-checks, its libraries included, and runs', async () => {
  writeFileSync(join(project, 'program.ts'), program)
  writeFileSync(
    join(project, 'tsconfig.json'),
    JSON.stringify({
      compilerOptions: {
        module: 'nodenext',
        strict: true,
        noEmit: true,
        skipLibCheck: false,
        target: 'esnext',
        types: [],
      },
      include: ['program.ts'],
    }),
  )
  const compiler = join(root, 'node_modules', 'typescript', 'bin', 'tsc')
  await execute(process.execPath, [compiler, '-p', project]).catch(({ stdout }) => assert.fail(stdout))
  // npm's scripts find the Node.js that the package brought along.
  const { stdout } = await npm('run', '--silent', 'embedded')
  assert.equal(stdout, 'inputs.word\ncompleted PACKED\n')
})

test('the command helps, and serves until it is stopped', async () => {
  const { stdout } = await execute('npx', ['quorate', '--help'], { cwd: project, env })
  assert.match(stdout, /quorate start/)

  const child = spawn('npx', ['quorate', 'start', '--port', '0', '--data', join(project, 'data')], {
    cwd: project,
    env,
    detached: true,
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let said = ''
  const url = await new Promise<string>((resolve, reject) => {
    for (const stream of [child.stdout, child.stderr])
      stream.setEncoding('utf8').on('data', (text: string) => {
        said += text
        const found = /ready at (http:\S+)/.exec(said)
        if (found?.[1]) resolve(found[1])
      })
    child.on('exit', () => reject(new Error(said)))
  })
  const health = await fetch(`${url}/healthz`)
  assert.equal(health.status, 200)
  const templates = (await (await fetch(`${url}/templates`)).json()) as { items: unknown[] }
  assert.ok(templates.items.length > 3, 'templates are in the package')
  assert.equal((await fetch(`${url}/docs`)).status, 200)
  // As a terminal does: to the whole group.
  process.kill(-(child.pid ?? 0), 'SIGINT')
  await once(child, 'exit')
  assert.match(said, /Stopped\./)
  assert.ok(existsSync(join(project, 'data')))
})
