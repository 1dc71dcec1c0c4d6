/** API keys in the console: made and copied once, revoked, signed in with and out of. Needs chromium. */
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { mkdtempSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import type { Page } from 'playwright-core'
import { call, ROOT } from '../../e2e/running-product.ts'
import { quick } from './definitions.ts'
import { type Console, missing, openConsole, violations } from './in-browser.ts'

const looks = {
  light: { viewport: { width: 1280, height: 800 }, colorScheme: 'light' },
  dark: { viewport: { width: 1280, height: 800 }, colorScheme: 'dark' },
  phone: { viewport: { width: 390, height: 844 }, colorScheme: 'light', deviceScaleFactor: 2 },
} as const

describe('keys in the console', { skip: missing, timeout: 240_000 }, () => {
  const shots = mkdtempSync(join(tmpdir(), 'quorate-keys-shots-'))
  let it: Console
  before(async () => {
    it = await openConsole('authentication: off\n')
  })
  after(async () => {
    await it?.close()
    console.log(`screenshots: ${shots}`)
  })
  /** In every look: nothing for axe to say, nothing wider than the screen; a picture of it. */
  const sound = async (name: string, page = it.page) => {
    const found: string[] = []
    for (const [look, { viewport, colorScheme }] of Object.entries(looks)) {
      await page.setViewportSize(viewport)
      await page.emulateMedia({ colorScheme, reducedMotion: 'reduce' })
      await page.evaluate('new Promise((drawn) => requestAnimationFrame(() => requestAnimationFrame(drawn)))')
      await page.screenshot({ path: join(shots, `${name}-${look}.png`) })
      found.push(...(await violations(page)).map((text) => `${name}, ${look}: ${text}`))
      const over = Number(await page.evaluate('document.documentElement.scrollWidth - innerWidth'))
      if (over > 0) found.push(`${name}, ${look}: ${over} px wider than the screen`)
    }
    await page.setViewportSize(looks.light.viewport)
    assert.deepEqual(found, [])
  }
  const settled = async (page: Page) => {
    await page.locator('.connection.live').waitFor()
    await page.locator('#content:not(:has(.skeleton))').waitFor()
  }
  let key = ''

  test('the first key is made by keyboard, shown once and copied', async () => {
    const { page } = it
    await page.context().grantPermissions(['clipboard-read', 'clipboard-write'])
    await it.open('/console/settings?view=keys')
    await settled(page)
    await it.sees('There are no keys')
    await sound('empty')
    await page.getByRole('button', { name: 'Make the first key' }).press('Enter')
    await page.keyboard.type('ann')
    await page.getByRole('radio', { name: 'Chosen one by one' }).press('Space')
    await sound('new')
    await page.getByRole('radio', { name: 'Everything' }).press('Space')
    await page.getByRole('combobox', { name: 'Works for' }).selectOption('a year')
    await page.getByRole('button', { name: 'Make the key' }).press('Enter')
    const shown = page.getByRole('textbox', { name: 'Key' })
    await shown.waitFor()
    key = await shown.inputValue()
    assert.match(key, /^qk_[\w-]{43}$/)
    await page.keyboard.press('Escape')
    assert.equal(await shown.isVisible(), true, 'a slip does not lose the key')
    await page.getByRole('button', { name: 'Copy' }).press('Enter')
    await it.sees('Copied.')
    assert.equal(await page.evaluate('navigator.clipboard.readText()'), key)
    await sound('shown')
    await page.getByRole('button', { name: 'Done' }).press('Enter')
    await page.getByRole('list', { name: 'Keys' }).getByText('ann').first().waitFor()
    assert.ok(!(await page.content()).includes(key.slice(9)))
  })

  test('a name that is taken is said in the dialog; a key is revoked after a question', async () => {
    const { page } = it
    const make = async (name: string) => {
      await page.getByRole('button', { name: 'New key' }).click()
      await page.getByRole('textbox', { name: 'Name' }).fill(name)
      await page.getByRole('button', { name: 'Make the key' }).click()
    }
    await make('ann')
    await it.sees('a key named ann is in force')
    await page.getByRole('button', { name: 'Cancel' }).click()
    await make('grafana.with-a-name-that-is-as-long-as-a-name-can-be.example.org')
    await page.getByRole('button', { name: 'Done' }).click()
    await sound('list')
    await page.getByRole('button', { name: /Revoke grafana/ }).click()
    await it.sees('this cannot be undone')
    await page.getByRole('button', { name: 'Revoke', exact: true }).click()
    const rows = page.getByRole('list', { name: 'Keys' })
    await rows
      .getByText(/^grafana/)
      .first()
      .waitFor({ state: 'detached' })
    await page.getByRole('checkbox', { name: 'Revoked too' }).check()
    await rows
      .getByText(/^grafana/)
      .first()
      .waitFor()
    await sound('revoked')
  })

  test('with keys a browser signs in, works, and signs out; what was seen is gone then', async () => {
    await it.product.stop()
    it.configure('authentication: keys\n')
    await it.revive()
    const page = await it.watched({ viewport: looks.light.viewport })
    await page.goto(`${it.product.url}/console/settings?view=keys`)
    const field = page.getByLabel('API key')
    await field.waitFor()
    await sound('sign-in', page)
    await field.fill(key.replace(/.$/, (last) => (last === 'A' ? 'B' : 'A')))
    await page.keyboard.press('Enter')
    await page.getByText('this key is not known here').waitFor()
    await sound('refused', page)
    await field.fill(key)
    await page.keyboard.press('Enter')
    // Back where the person wanted to go.
    await page.getByRole('list', { name: 'Keys' }).getByText('you', { exact: true }).waitFor()
    await settled(page)
    await sound('signed-in', page)
    assert.equal(await page.evaluate('document.cookie'), '')
    const other = await page.context().newPage()
    await other.goto(it.product.url)
    await settled(other)
    const definition = { ...quick, name: 'signed' }
    const started = await fetch(`${it.product.url}/create_workflow`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', authorization: `Bearer ${key}` },
      body: JSON.stringify({ definition, inputs: { text: 'x' } }),
    })
    assert.equal(started.status, 202)
    // The stream of changes is let in by the cookie.
    await other.getByText('signed').first().waitFor()
    await page.getByRole('button', { name: 'Sign out' }).click()
    await field.waitFor()
    assert.ok(!(await page.content()).includes('grafana'))
    assert.equal((await call(it.product, 'GET', '/runs')).status, 401)
    await other.reload()
    await other.getByLabel('API key').waitFor()
    await page.context().close()
  })

  test('a key that is revoked on the command line ends what is open in a browser', async () => {
    const quorate = (...argv: string[]) =>
      spawnSync(process.execPath, [join(ROOT, 'bin/quorate.mjs'), 'keys', ...argv, '--data', 'data'], {
        cwd: it.product.folder,
        encoding: 'utf8',
      })
    const made = quorate('create', 'guest', '--permissions', 'read')
    assert.equal(made.status, 0, made.stderr)
    const page = await it.watched({ viewport: looks.light.viewport })
    await page.goto(it.product.url)
    await page.getByLabel('API key').fill(made.stdout.trim())
    await page.keyboard.press('Enter')
    await settled(page)
    await page.goto(`${it.product.url}/console/start?goal=x`)
    assert.equal(quorate('revoke', 'guest').status, 0)
    await page.getByLabel('API key').waitFor({ timeout: 60_000 })
    await page.context().close()
  })

  test('no page broke its policy, failed, or asked anybody else', () => assert.deepEqual(it.wrongs, []))
})
