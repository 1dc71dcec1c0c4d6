/** The editor of definitions helps whoever writes: by keyboard alone, from the schema and the agents there are. Needs chromium. */
import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import type { Page } from 'playwright-core'
import { type Console, missing, openConsole, violations, writeInEditor } from './in-browser.ts'

describe('the editor of definitions', { skip: missing, timeout: 180_000 }, () => {
  let it: Console
  before(async () => {
    it = await openConsole()
  })
  after(() => it?.close())

  const text = (page: Page) =>
    page.evaluate(
      `[...document.querySelector('.editor-host').shadowRoot.querySelectorAll('.cm-line')].map((line) => line.textContent).join('\\n')`,
    )
  const offered = (page: Page) => page.getByRole('listbox').getByRole('option')

  test('a definition is written from what is offered, and is valid', async () => {
    const { page } = it
    await it.open('/console/definitions?from=new')
    await writeInEditor(page, 'apiVersion: quorate/v1\nname: written\nstages:\n  ')
    await page.keyboard.press('Control+Space')
    await offered(page).filter({ hasText: 'approval stage' }).waitFor()
    await page.keyboard.type('tasks')
    await offered(page).filter({ hasText: 'tasks stage' }).waitFor()
    assert.deepEqual(await violations(page), [])

    await page.waitForTimeout(100)
    await page.keyboard.press('Enter')
    await page.keyboard.type('count')
    await page.keyboard.press('Tab')
    await page.keyboard.type('one')
    await page.keyboard.press('Tab')
    // What is filled in is chosen, and what fits is offered for it.
    await page.keyboard.press('Control+Space')
    await page.keyboard.type('count')
    await offered(page)
      .filter({ hasText: /^counting/ })
      .waitFor()
    await page.waitForTimeout(100)
    await page.keyboard.press('Enter')
    await page.locator('.status', { hasText: /^valid$/ }).waitFor()
    assert.equal(
      await text(page),
      'apiVersion: quorate/v1\nname: written\nstages:\n  - id: count\n    kind: tasks\n    tasks:\n      - id: one\n        capability: counting\n        instructions: Say what is to be done.',
    )
  })

  test('what a key means is said beside the choice, and over the key', async () => {
    const { page } = it
    await writeInEditor(page, 'apiVersion: quorate/v1\nname: words\nbudget:\n  tok')
    await page.keyboard.press('Control+Space')
    await it.sees('Most tokens, in and out')
    await page.keyboard.press('Escape')
    await writeInEditor(page, '{"apiVersion": "quorate/v1",\n"name": "words",\n"budget": {"calls": 3}}')
    // What is found is drawn into the text, which closes what was opened over it before.
    await page.getByRole('list', { name: 'Findings' }).getByText('stages is missing').waitFor()
    // Whatever is drawn anew under the pointer closes it as well: a person moves the pointer a little.
    const meaning = page.getByText('Most calls of agents and models').first()
    for (let tries = 0; tries < 10 && !(await meaning.isVisible()); tries++) {
      await page.mouse.move(0, 0)
      await page.getByText('"calls"').first().hover()
      await meaning.waitFor({ timeout: 3_000 }).catch(() => undefined)
    }
    await it.sees('Most calls of agents and models')
  })

  test('no page broke its policy, failed, or asked anybody else', () => assert.deepEqual(it.wrongs, []))
})
