#!/usr/bin/env node
// Sets up what is missing, then runs a task of the repository with Node.js 24. Runs on Node 20.
import { existsSync, readdirSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { install, SetupFailure } from './install.mjs'
import { findNode, orExplain, runNode } from './launch.mjs'
import { splitTestArguments, testFiles } from './test-files.mjs'

const root = dirname(dirname(fileURLToPath(import.meta.url)))

/** Whole files that hang are ended before the five minutes that the suite may take. */
const TEST_TIMEOUT_MS = 240_000

/** @param {string} script @param {string[]} args */
function script(script, args) {
  if (!existsSync(join(root, script)))
    throw new SetupFailure(`${script} is not there`, 'check the name, or restore the file with git', 64)
  return [join(root, script), ...args]
}

/** Arguments of Node.js for each task. @type {Record<string, (args: string[]) => string[]>} */
const tasks = {
  test: (args) => {
    const { flags, named } = splitTestArguments(args)
    const files = named.length > 0 ? named : testFiles(root)
    if (files.length === 0) throw new SetupFailure('there are no tests', 'restore src and test with git')
    if (named.length === 0) process.stderr.write(`quorate: ${files.length} test files, two at a time\n`)
    return [
      '--test',
      '--test-reporter=spec',
      '--test-concurrency=2',
      `--test-timeout=${TEST_TIMEOUT_MS}`,
      ...flags,
      ...files,
    ]
  },
  check: (args) => script('scripts/check.ts', args),
  build: (args) => script('scripts/build.ts', args),
  proof: (args) => script('scripts/proof.ts', args),
  bench: ([name, ...args]) => {
    const benches = existsSync(join(root, 'bench'))
      ? readdirSync(join(root, 'bench'))
          .filter((file) => file.endsWith('.ts'))
          .map((file) => file.slice(0, -3))
      : []
    if (name === undefined || !benches.includes(name))
      throw new SetupFailure(
        name === undefined ? 'which bench?' : `there is no bench ${name}`,
        `npm run bench -- NAME, with one of: ${benches.join(', ') || '(none yet)'}`,
        64,
      )
    return script(`bench/${name}.ts`, args)
  },
}

await orExplain(async () => {
  const [name, ...args] = process.argv.slice(2)
  const task = name === undefined ? undefined : tasks[name]
  if (name !== undefined && !task)
    throw new SetupFailure(`there is no task ${name}`, `one of: ${Object.keys(tasks).join(', ')}`, 64)
  await install(root)
  const node = findNode(root)
  if (task) await runNode(node, task(args), { cwd: root })
})
