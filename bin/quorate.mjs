#!/usr/bin/env node
// The command `quorate`: sets up what is missing, then runs the program with Node.js 24. Runs on Node 20.
import { existsSync, realpathSync } from 'node:fs'
import module from 'node:module'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { buildConsole } from './console-build.mjs'
import { install } from './install.mjs'
import { findNode, orExplain, runNode } from './launch.mjs'
import { cache, programFile } from './program-bundle.mjs'

const root = dirname(dirname(realpathSync(fileURLToPath(import.meta.url))))

await orExplain(async () => {
  // An installed package brings compiled code, and npm has brought its packages.
  const packed = !existsSync(join(root, 'src'))
  if (!packed) await install(root, { whenAbsent: process.argv[2] !== 'start' })
  const node = findNode(root)
  if (!packed && process.argv[2] === 'start' && !process.argv.includes('--help')) await buildConsole(root, node)
  if (realpathSync(process.execPath) !== realpathSync(node)) {
    await runNode(node, [fileURLToPath(import.meta.url), ...process.argv.slice(2)], { channel: true })
  }
  // Compiled code is kept beside the packages, which makes a command start more than twice as fast.
  module.enableCompileCache?.(cache(root))
  await import(
    packed ? join(root, 'dist', 'cli', 'main.js') : programFile(root, node, { build: process.argv[2] === 'start' })
  )
})
