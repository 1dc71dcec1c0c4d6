/**
 * Decides whether the dependencies have to be installed, and what a failed installation means. Pure; runs on Node 20.
 *
 * The hidden lock file that npm writes into node_modules at the very end of an installation says what is there. A stamp
 * beside it makes the usual answer fast and settles optional packages that could not be had.
 */

/** Oldest major version of Node.js that runs Quorate itself. */
export const NEEDED_NODE = 24

/** @param {string} version such as `v24.21.0` */
export const isNewEnough = (version) => Number(/^v?(\d+)\./.exec(version)?.[1] ?? 0) >= NEEDED_NODE

/**
 * @typedef {{ os: string, cpu: string }} Platform
 * @typedef {{ version?: string, integrity?: string, optional?: boolean, os?: string[], cpu?: string[], libc?: string[], link?: boolean, devOptional?: boolean }} LockEntry
 * @typedef {{ packages?: Record<string, LockEntry> }} Lock
 */

/** What belongs into the stamp when the installation is as the lock file says.
 * @param {string} lockHash @param {Platform} platform */
export const stampText = (lockHash, { os, cpu }) => `${lockHash} ${os} ${cpu}\n`

/**
 * Whether something is to be installed, and why.
 * @param {{ lock: Lock, lockHash: string, installed: Lock | null, stamp: string | null, platform: Platform }} found
 * @returns {{ install: false, stamp: boolean } | { install: true, reason: string }}
 */
export function decide({ lock, lockHash, installed, stamp, platform }) {
  if (installed === null)
    return { install: true, reason: stamp === null ? 'first start' : 'node_modules is incomplete' }
  if (stamp === stampText(lockHash, platform)) return { install: false, stamp: false }
  const wrong = differing(lock, installed, platform)
  if (wrong.length === 0) return { install: false, stamp: true }
  const names = wrong.slice(0, 3).join(', ') + (wrong.length > 3 ? ' …' : '')
  return {
    install: true,
    reason: `${wrong.length} ${wrong.length === 1 ? 'package differs' : 'packages differ'} from package-lock.json: ${names}`,
  }
}

/**
 * Packages of the lock file that are not installed in their version, as far as this platform wants them.
 * @param {Lock} lock @param {Lock} installed @param {Platform} platform
 */
function differing(lock, installed, platform) {
  const there = installed.packages ?? {}
  return Object.entries(lock.packages ?? {})
    .filter(([path, entry]) => {
      if (path === '' || entry.link) return false
      const found = there[path]
      if (found) return found.version !== entry.version || found.integrity !== entry.integrity
      // An optional package is missed only where it is made for exactly this machine.
      return isRequired(entry) || (!entry.libc && isOnly(entry.os, platform.os) && isOnly(entry.cpu, platform.cpu))
    })
    .map(([path]) => nameOf(path))
}

/**
 * Packages that are there in another version than the lock file names, or are not there although nothing runs without.
 * After an installation there must be none: npm was told to keep to the lock file, and this is how we know.
 * @param {Lock} lock @param {Lock | null} installed
 */
export function strayed(lock, installed) {
  const there = installed?.packages ?? {}
  return Object.entries(lock.packages ?? {})
    .filter(([path, entry]) => {
      if (path === '' || entry.link) return false
      const found = there[path]
      return found ? found.version !== entry.version || found.integrity !== entry.integrity : isRequired(entry)
    })
    .map(([path]) => nameOf(path))
}

/** @param {LockEntry} entry */
const isRequired = (entry) => !entry.optional && !entry.devOptional
/** @param {string[] | undefined} list @param {string} value */
const isOnly = (list, value) => list?.length === 1 && list[0] === value
/** @param {string} path */
const nameOf = (path) => path.replace(/^.*node_modules\//, '')

/**
 * What a failed `npm install` means: the cause and what to do, from its output.
 * @param {string} output @param {number | null} code
 * @returns {{ cause: string, remedy: string, shows: boolean }} `shows`: npm's own words are worth reading
 */
export function explainFailure(output, code) {
  const table = /** @type {const} */ ([
    [/ENOSPC|no space left/i, 'the disk is full', 'free about 1 GB and start again', false],
    [
      /EINTEGRITY/,
      'a package that was downloaded is not the one that package-lock.json names',
      'run `npm cache clean --force` and start again; if it stays so, the registry or a proxy changes packages: do not go on',
      true,
    ],
    [
      /\bE401\b|\bE403\b|ENEEDAUTH/,
      'the package registry refuses access',
      'check the registry and its credentials in ~/.npmrc',
      true,
    ],
    [
      /ENOTFOUND|EAI_AGAIN|ECONNREFUSED|ECONNRESET|ETIMEDOUT|ENETUNREACH|EHOSTUNREACH|ENOTCACHED|ERR_SOCKET_TIMEOUT|network/i,
      'the package registry cannot be reached',
      'check the network, or the proxy and registry in `npm config list`, and start again',
      true,
    ],
    [
      /CERT_|SELF_SIGNED|UNABLE_TO_(GET|VERIFY)/,
      'the certificate of the package registry is not trusted',
      'set `cafile` in ~/.npmrc to your certificate authority',
      true,
    ],
    [
      /EACCES|EPERM|EROFS/,
      'a file or folder cannot be written',
      'make this folder and ~/.npm writable for you (not by sudo), and start again',
      true,
    ],
    [
      /ERESOLVE|EUSAGE/,
      'package.json and package-lock.json do not belong together',
      'undo local changes to them, or run `npm install` once',
      true,
    ],
    [/\bE404\b|ETARGET/, 'a package is not in the registry', 'check `registry` in `npm config list`', true],
  ])
  for (const [pattern, cause, remedy, shows] of table) if (pattern.test(output)) return { cause, remedy, shows }
  return {
    cause: `npm ended with ${code === null ? 'a signal' : `code ${code}`}`,
    remedy: 'read its lines above; `npm install --no-save` in this folder repeats it',
    shows: true,
  }
}

/** What to do when no Node.js is new enough. @param {Platform} platform @param {string} version */
export function explainNode(platform, version) {
  const how =
    platform.os === 'darwin'
      ? 'install it (`brew install node@24`, or from nodejs.org) so that `node24` or `node` is on the PATH'
      : platform.os === 'win32'
        ? 'run Quorate inside WSL, where it brings its own'
        : 'install it from nodejs.org or your distribution so that `node24` or `node` is on the PATH'
  return {
    cause: `Quorate needs Node.js ${NEEDED_NODE}; this is ${version}, and npm has none for ${platform.os} ${platform.cpu}`,
    remedy: how,
  }
}
