#!/usr/bin/env node
// The command `quorate`: sets up what is missing, then runs the program with Node.js 24. Runs on Node 20.
import { realpathSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { install } from './install.mjs'
import { findNode, orExplain, runNode } from './launch.mjs'

const root = dirname(dirname(realpathSync(fileURLToPath(import.meta.url))))

await orExplain(async () => {
  await install(root, { whenAbsent: process.argv[2] !== 'start' })
  const node = findNode(root)
  const main = join(root, 'src', 'cli', 'main.ts')
  if (realpathSync(process.execPath) === realpathSync(node)) await import(main)
  else await runNode(node, [main, ...process.argv.slice(2)], { channel: true })
})
