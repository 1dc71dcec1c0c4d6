/** Brings what is missing: the packages of package-lock.json, Node.js 24 among them. Runs on Node 20, without any package. */
import { spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import { readFileSync, statfsSync, writeFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { decide, explainFailure, stampText, strayed } from './installation.mjs'
import { tryLock } from './setup-lock.mjs'

const STAMP = '.quorate-setup'
const POLL_MS = 300
export const platform = { os: process.platform, cpu: process.arch }

/** A failure that is explained on the terminal, without a stack. */
export class SetupFailure extends Error {
  /** @param {string} cause @param {string} remedy @param {number} [exitCode] */
  constructor(cause, remedy, exitCode = 1) {
    super(cause)
    this.remedy = remedy
    this.exitCode = exitCode
  }
}

/** What npm writes at the end of an installation. @param {string} root */
const hiddenLock = (root) => join(root, 'node_modules', '.package-lock.json')

/** @param {string} path */
const textOf = (path) => {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return null
  }
}

/** @param {string} root */
function look(root) {
  const text = textOf(join(root, 'package-lock.json'))
  if (text === null)
    throw new SetupFailure('package-lock.json is missing', 'clone the repository again, or restore the file with git')
  const lockHash = createHash('sha256').update(text).digest('hex')
  const stamp = textOf(join(root, 'node_modules', STAMP))
  const hidden = textOf(hiddenLock(root))
  // The usual case by far: nothing but two short comparisons.
  if (hidden !== null && stamp === stampText(lockHash, platform))
    return { lockHash, decision: { install: false, stamp: false } }
  return {
    lockHash,
    decision: decide({ lock: parsed(text) ?? {}, lockHash, installed: parsed(hidden), stamp, platform }),
  }
}

/** @param {string | null} text */
function parsed(text) {
  try {
    return text === null ? null : JSON.parse(text)
  } catch {
    return null
  }
}

/**
 * Installs when something is missing; returns at once when not. With `whenAbsent` an installation of an older lock file
 * is left as it is: npm removes node_modules first, and a server may be running from it.
 * @param {string} root @param {{ whenAbsent?: boolean, out?: NodeJS.WriteStream }} [options]
 */
export async function install(root, { whenAbsent = false, out = process.stderr } = {}) {
  const { decision } = look(root)
  if (whenAbsent && textOf(hiddenLock(root)) !== null) return
  if (!decision.install && !decision.stamp) return
  let told = false
  for (;;) {
    const lock = lockOf(root)
    if (!lock.held) {
      if (!told) out.write(`quorate: another set-up (process ${lock.by}) is at work; waiting for it\n`)
      told = true
      await pause(POLL_MS)
      continue
    }
    try {
      const { lockHash, decision } = look(root)
      if (decision.install) await runNpm(root, decision.reason, out)
      if (decision.install || decision.stamp) stampIt(root, lockHash)
      return
    } finally {
      lock.release()
    }
  }
}

/** @param {string} root */
function lockOf(root) {
  try {
    return tryLock(root)
  } catch (error) {
    throw new SetupFailure(
      `the folder for temporary files cannot be used: ${/** @type {Error} */ (error).message}`,
      'set TMPDIR to a folder that you can write to',
    )
  }
}

/** @param {string} root @param {string} lockHash */
function stampIt(root, lockHash) {
  try {
    writeFileSync(join(root, 'node_modules', STAMP), stampText(lockHash, platform))
  } catch {
    // A clone that cannot be written to is complete all the same; it is only looked at again next time.
  }
}

/**
 * The npm that started us, else the one on the PATH. `npm_execpath` may also be another package manager's.
 * @returns {{ command: string, args: string[] }}
 */
function npm() {
  const started = process.env.npm_execpath
  if (started && /^npm-cli\.c?js$/.test(basename(started))) return { command: process.execPath, args: [started] }
  return { command: 'npm', args: [] }
}

/** @param {string} root @param {string} reason @param {NodeJS.WriteStream} out */
async function runNpm(root, reason, out) {
  const { command, args } = npm()
  const began = Date.now()
  const seconds = () => Math.round((Date.now() - began) / 1000)
  const what = `quorate: installing packages, about 800 MB (${reason})`
  const line = () => `${what.slice(0, (out.columns ?? 80) - 10)} … ${seconds()} s`
  const progress = out.isTTY ? setInterval(() => out.write(`\r\x1b[K${line()}`), 1000) : undefined
  out.write(out.isTTY ? line() : `${what} …\n`)

  // `npm ci` refuses a lock file in which a registry that lacks a package for another platform left a gap, and it empties
  // node_modules under a server that runs; this keeps to the lock file as well, which `strayed` checks afterwards.
  // Nothing that we depend on needs an install script. `engine-strict` and `omit` of the person's own npm settings would
  // leave out what Quorate brings along.
  const options = [
    'install',
    '--no-save',
    '--ignore-scripts',
    '--include=optional',
    '--include=dev',
    '--engine-strict=false',
    '--prefer-offline',
    '--no-audit',
    '--no-fund',
    '--loglevel=error',
  ]
  const child = spawn(command, [...args, ...options], { cwd: root, stdio: ['ignore', 'pipe', 'pipe'] })
  let output = ''
  for (const stream of [child.stdout, child.stderr])
    stream.on('data', (chunk) => (output = (output + chunk).slice(-20_000)))
  let interrupted = false
  const onSignal = () => {
    interrupted = true
    child.kill('SIGTERM')
  }
  process.on('SIGINT', onSignal).on('SIGTERM', onSignal)
  /** @type {{ code: number | null, error?: NodeJS.ErrnoException }} */
  const ended = await new Promise((resolve) => {
    child.on('error', (error) => resolve({ code: null, error }))
    child.on('close', (code) => resolve({ code }))
  })
  process.off('SIGINT', onSignal).off('SIGTERM', onSignal)
  clearInterval(progress)
  if (out.isTTY) out.write('\r\x1b[K')

  if (interrupted) throw new SetupFailure('the set-up was interrupted', 'start again to go on', 130)
  if (ended.error?.code === 'ENOENT') throw new SetupFailure('npm is not there', 'install npm; it comes with Node.js')
  const others =
    ended.code === 0
      ? strayed(JSON.parse(textOf(join(root, 'package-lock.json')) ?? '{}'), parsed(textOf(hiddenLock(root))))
      : []
  if (others.length > 0)
    throw new SetupFailure(
      `npm installed other packages than package-lock.json names: ${others.slice(0, 5).join(', ')}`,
      'undo local changes to package.json and package-lock.json, remove node_modules, and start again',
    )
  if (ended.code === 0) {
    out.write(`quorate: packages installed in ${seconds()} s\n`)
    return
  }
  const { cause, remedy, shows } = explainFailure(ended.error ? String(ended.error) : output, ended.code)
  if (shows) out.write(`${output.trim().split('\n').slice(0, 15).join('\n')}\n`)
  throw new SetupFailure(`the packages could not be installed: ${cause}`, `${remedy}${freeSpace(root)}`)
}

/** @param {string} root */
function freeSpace(root) {
  try {
    const { bavail, bsize } = statfsSync(root)
    const megabytes = Math.round((bavail * bsize) / 1e6)
    return megabytes < 2_000 ? ` (${megabytes} MB of disk are free here)` : ''
  } catch {
    return ''
  }
}
