/** Definitions in the console: mended, stored, their versions compared and restored. Needs chromium. */
import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { call } from '../../e2e/running-product.ts'
import { quick } from './definitions.ts'
import { type Console, missing, openConsole, writeInEditor } from './in-browser.ts'

describe('definitions in the console', { skip: missing, timeout: 180_000 }, () => {
  let it: Console
  before(async () => {
    it = await openConsole()
  })
  after(() => it?.close())

  test('an error is said in its place and mended; then the definition is stored', async () => {
    const { page } = it
    await it.open('/console/definitions?from=new')
    await page.getByRole('textbox', { name: 'Definition as YAML' }).waitFor()
    await page.evaluate(`document.querySelector('.editor-host').shadowRoot.querySelector('.cm-content').focus()`)
    await page.keyboard.press('Control+End')
    await page.keyboard.insertText('wrong_field: 1')
    await page
      .getByRole('list', { name: 'Findings' })
      .getByText(/wrong_field/)
      .first()
      .waitFor()
    assert.ok(await page.getByRole('button', { name: 'Store' }).isDisabled())
    await writeInEditor(
      page,
      'apiVersion: quorate/v1\nname: mended\nstages:\n- id: one\n  kind: tasks\n  tasks:\n  - id: a\n    agent: counter\n    instructions: Count.\n',
    )
    await page.locator('.status', { hasText: /^valid$/ }).waitFor()
    await page.getByRole('button', { name: 'Store' }).click()
    await page.waitForURL(/definition=sha256/)
    assert.equal((await call(it.product, 'GET', '/definitions/mended')).status, 200)
  })

  test('versions say who made them and why; two are compared by meaning and as text; an old one is restored', async () => {
    const { page } = it
    const second = structuredClone(quick)
    Object.assign(second.stages[1]?.tasks[0] ?? {}, { agent: 'capitals' })
    const third = { ...second, stages: second.stages.slice(0, 1) }
    for (const [definition, note] of [
      [quick, 'the first one'],
      [second, 'capitals read better'],
      [third, ''],
    ] as const)
      assert.equal((await call(it.product, 'PUT', '/definitions', { definition, note })).status, 200)
    await it.open('/console/definitions')
    await page.getByRole('link', { name: /quick_count/ }).click()
    await page.getByRole('link', { name: 'Versions' }).click()
    await it.sees('capitals read better')
    await it.sees('no reason was given')
    const changes = page.getByRole('region', { name: 'What changed' })
    await changes.locator('.change', { hasText: 'stage again' }).getByText('removed').waitFor()
    await page.getByRole('radio', { name: 'version 1 as the earlier one' }).check()
    await page.getByRole('radio', { name: 'version 2 as the later one' }).check()
    const change = changes.locator('.change', { hasText: 'stage again › task two › agent' })
    await change.locator('del', { hasText: 'counter' }).waitFor()
    await change.locator('ins', { hasText: 'capitals' }).waitFor()
    await page.getByRole('link', { name: 'As text' }).click()
    await changes.locator('td.removed', { hasText: 'agent: counter' }).waitFor()
    await page.reload()
    await changes.locator('td.added', { hasText: 'agent: capitals' }).waitFor()
    await page.getByRole('button', { name: 'Restore … version 1' }).click()
    await page.getByLabel('Why').fill('it was right')
    await page.getByRole('dialog').getByRole('button', { name: 'Restore' }).click()
    await it.sees('restores version 1: it was right')
    const { body } = await call(it.product, 'GET', '/definitions/quick_count')
    assert.deepEqual([body.version, body.definition], [4, quick])
  })

  test('an agent is added, probed, drained and removed', async () => {
    const { page } = it
    await it.open('/console/agents?add=true')
    await page.getByLabel('Name', { exact: true }).fill('extra')
    await page.getByRole('button', { name: 'Add', exact: true }).click()
    const detail = page.getByRole('complementary', { name: 'Agent extra' })
    await detail.getByRole('button', { name: 'Probe' }).click()
    await detail.getByText(/It can work/).waitFor()
    await detail.getByRole('button', { name: 'Drain' }).click()
    await detail.locator('.status', { hasText: /draining|retired/ }).waitFor()
    await detail.getByRole('button', { name: 'Remove' }).click()
    await page.getByRole('dialog').getByRole('button', { name: 'Remove' }).click()
    await page.getByRole('link', { name: 'extra', exact: true }).waitFor({ state: 'detached' })
  })

  test('no page broke its policy, failed, or asked anybody else', () => assert.deepEqual(it.wrongs, []))
})
