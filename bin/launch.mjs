/** Finds the Node.js that runs Quorate, and runs a script with it. Runs on Node 20. */
import { spawn, spawnSync } from 'node:child_process'
import { closeSync, existsSync, openSync, realpathSync } from 'node:fs'
import { constants } from 'node:os'
import { delimiter, dirname, join } from 'node:path'
import { platform, SetupFailure } from './install.mjs'
import { explainNode, isNewEnough } from './installation.mjs'

/** The Node.js that Quorate brings, else the one that runs this, else one on the PATH. @param {string} root */
export function findNode(root) {
  // Within the clone; beside Quorate where it is installed as a package itself.
  for (const packages of [join(root, 'node_modules'), dirname(root)]) {
    const own = join(packages, `node-${platform.os}-${platform.cpu}`, 'bin', 'node')
    if (existsSync(own)) return realpathSync(own)
  }
  if (isNewEnough(process.version)) return process.execPath
  for (const folder of (process.env.PATH ?? '').split(delimiter)) {
    for (const name of ['node24', 'node']) {
      const path = join(folder, name)
      if (
        folder !== '' &&
        existsSync(path) &&
        isNewEnough(spawnSync(path, ['--version'], { encoding: 'utf8' }).stdout ?? '')
      )
        return path
    }
  }
  const { cause, remedy } = explainNode(platform, process.version)
  throw new SetupFailure(cause, remedy)
}

/**
 * Runs Node.js with arguments on this terminal and ends as it ends. With `channel` the child is told of our own end by
 * the closing of its message channel, whatever kills us, and takes a signal that arrives twice at once for one.
 *
 * A key press of Ctrl-C reaches the child from the terminal as well as us, so it is not passed on to a child that would
 * count two; where there is no terminal (a supervisor, a test) only we are signalled, and it is.
 * @param {string} node @param {string[]} args @param {{ channel?: boolean, cwd?: string }} [options]
 * @returns {Promise<never>}
 */
export async function runNode(node, args, { channel = false, cwd } = {}) {
  const child = spawn(node, args, {
    stdio: ['inherit', 'inherit', 'inherit', ...(channel ? /** @type {const} */ (['ipc']) : [])],
    ...(cwd === undefined ? {} : { cwd }),
  })
  const toldAlready = !channel && hasTerminal()
  for (const signal of /** @type {const} */ (['SIGINT', 'SIGQUIT']))
    process.on(signal, () => toldAlready || child.kill(signal))
  for (const signal of /** @type {const} */ (['SIGTERM', 'SIGHUP'])) process.on(signal, () => child.kill(signal))
  /** @type {{ code: number | null, signal: NodeJS.Signals | null }} */
  const { code, signal } = await new Promise((resolve, reject) => {
    child.on('error', (error) =>
      reject(new SetupFailure(`${node} cannot be started: ${error.message}`, 'remove node_modules and start again')),
    )
    child.on('exit', (code, signal) => resolve({ code, signal }))
  })
  process.exit(signal ? 128 + (constants.signals[signal] ?? 0) : (code ?? 1))
}

function hasTerminal() {
  try {
    closeSync(openSync('/dev/tty', 'r'))
    return true
  } catch {
    return false
  }
}

/** Runs a door's work and explains what cannot be done. @param {() => Promise<void>} work */
export async function orExplain(work) {
  try {
    await work()
  } catch (error) {
    if (!(error instanceof SetupFailure)) throw error
    process.stderr.write(`quorate: ${error.message}\n  → ${error.remedy}\n`)
    process.exit(error.exitCode)
  }
}
