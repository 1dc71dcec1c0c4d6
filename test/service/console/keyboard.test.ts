/**
 * Ten tasks by keyboard alone: start a goal, open a run, approve, cancel, fork, compare, mend a definition, add an agent,
 * drain it, change the theme. On the way the focus goes forward in the order of the page, is never on something that
 * cannot be seen, and is always marked. Needs chromium.
 */
import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { call } from '../../e2e/running-product.ts'
import { quick, review, sleeping } from './definitions.ts'
import { type Console, missing, openConsole } from './in-browser.ts'

type Focused = { name: string; visible: boolean; marked: boolean; forward: boolean }

/** Of the element that has the focus; one in a shadow root counts as its host. */
const look = `(() => {
  const before = window.focusedBefore
  const outer = document.activeElement
  window.focusedBefore = outer
  const inner = outer.shadowRoot?.activeElement ?? outer
  const label = outer.labels?.[0]?.textContent
  const text = outer.getAttribute('aria-label') ?? label ?? outer.textContent
  const box = outer.getBoundingClientRect()
  const style = getComputedStyle(inner)
  const host = getComputedStyle(inner.closest?.('.cm-focused') ?? inner)
  return {
    name: outer === document.body ? '(page)' : (text || outer.tagName).trim().replace(/\\s+/g, ' ').slice(0, 80),
    visible: outer === document.body || (box.width > 0 && box.height > 0 && box.bottom > 0 && box.top < innerHeight),
    marked: outer === document.body || style.outlineStyle !== 'none' || host.outlineStyle !== 'none' ||
      getComputedStyle(inner, '::after').outlineStyle !== 'none',
    forward: !before?.isConnected || outer === document.body || before === document.body || before === outer ||
      (before.compareDocumentPosition(outer) & (Node.DOCUMENT_POSITION_FOLLOWING | Node.DOCUMENT_POSITION_CONTAINED_BY)) > 0,
  }
})()`

describe('the console by keyboard alone', { skip: missing, timeout: 240_000 }, () => {
  let it: Console
  before(async () => {
    it = await openConsole()
  })
  after(() => it?.close())

  const press = (key: string) => it.page.keyboard.press(key)
  const open = async (path: string) => {
    await it.open(path)
    await it.page.locator('.connection.live').waitFor()
    await it.page.locator('#content:not(:has(.skeleton))').waitFor()
  }
  /** Tab until something of this name has the focus; says what was passed when there is none. */
  const tabTo = async (name: RegExp): Promise<void> => {
    const passed: string[] = []
    await it.page.evaluate('window.focusedBefore = document.activeElement')
    for (let presses = 0; presses < 120; presses++) {
      await press('Tab')
      let focused = (await it.page.evaluate(look)) as Focused
      // The editor marks itself a moment after it has got the focus.
      for (let looks = 0; !focused.marked && looks < 20; looks++) {
        await it.page.evaluate('new Promise((drawn) => requestAnimationFrame(() => requestAnimationFrame(drawn)))')
        focused = { ...focused, marked: ((await it.page.evaluate(look)) as Focused).marked }
      }
      assert.ok(focused.visible, `the focus is on something that cannot be seen: ${focused.name}`)
      assert.ok(focused.marked, `nothing shows that the focus is on ${focused.name}`)
      assert.ok(focused.forward, `the focus jumps back from ${passed.at(-1)} to ${focused.name}`)
      passed.push(focused.name)
      if (name.test(focused.name)) return
    }
    assert.fail(`${name} is not reached; passed ${passed.join(' | ')}`)
  }
  const endsIn = (text: string) => it.page.locator('.run-head .status', { hasText: text }).waitFor({ timeout: 60_000 })

  test('1. a goal is started from anywhere', async () => {
    await open('/console/agents')
    await press('Control+k')
    await it.page.getByRole('combobox', { name: /Type a goal/ }).waitFor()
    await it.page.keyboard.type('Count these words')
    await press('Enter')
    await it.page.waitForURL(/console\/start\?goal=/)
    await it.page.locator('textarea:focus').waitFor()
    await press('Control+Enter')
    await it.page.waitForURL(/console\/runs\/run_/)
    await endsIn('completed')
  })

  test('2. a run is opened from the list', async () => {
    await it.status(await it.start(quick, { inputs: { text: 'a' } }), 'completed')
    await it.status(await it.start(quick, { inputs: { text: 'a' } }), 'completed')
    await open('/console/runs?text=quick_count')
    await tabTo(/quick_count/)
    await press('ArrowDown')
    await it.page.locator('[data-row="1"]:focus').waitFor()
    await press('Enter')
    await it.page.waitForURL(/console\/runs\/run_/)
  })

  test('3. an approval is given with a comment', async () => {
    const run = await it.start(review, { inputs: { text: 'x' } })
    await it.asks(run)
    await open('/console/approvals')
    await it.page.getByRole('button', { name: 'Approve' }).waitFor()
    await tabTo(/^Comment/)
    await it.page.keyboard.type('seen')
    await tabTo(/^Approve$/)
    await press('Enter')
    await it.status(run, 'completed')
    await it.sees('Nothing waits for you')
  })

  test('4. a run is cancelled', async () => {
    await open(`/console/runs/${await it.start(sleeping)}`)
    await it.page.getByRole('button', { name: /Stage sleep tasks.*running$/ }).waitFor()
    await tabTo(/^Cancel run$/)
    await press('Enter')
    await endsIn('cancelled')
  })

  test('5. a run is forked with another input', async () => {
    const source = await it.start(quick, { inputs: { text: 'before' } })
    await it.status(source, 'completed')
    await open(`/console/runs/${source}`)
    await tabTo(/^Fork$/)
    await press('Enter')
    await it.page.waitForURL(/\/fork/)
    await it.page.locator('.status', { hasText: /^valid$/ }).waitFor()
    await tabTo(/^Input text/)
    await press('Control+a')
    await it.page.keyboard.type('after')
    await tabTo(/^Fork$/)
    await press('Enter')
    await it.page.waitForURL((url) => /\/runs\/run_[^/]+$/.test(url.pathname) && !url.pathname.includes(source))
    await endsIn('completed')
    const fork = new URL(it.page.url()).pathname.split('/').at(-1)
    assert.deepEqual((await call(it.product, 'GET', `/runs/${fork}`)).body.inputs, { text: 'after' })
  })

  test('6. two runs are compared', async () => {
    await open('/console/runs?text=quick_count')
    await tabTo(/quick_count/)
    await press('x')
    await it.sees('One run is chosen')
    await press('ArrowDown')
    await it.page.locator('[data-row="1"]:focus').waitFor()
    await press('x')
    await it.page.getByRole('link', { name: 'Compare', exact: true }).waitFor()
    await it.page.keyboard.press('Shift+Tab')
    for (let presses = 0; presses < 8; presses++) {
      if (await it.page.evaluate(`document.activeElement.textContent === 'Compare'`)) break
      await press('Shift+Tab')
    }
    await press('Enter')
    await it.page.waitForURL(/runs\/compare\?left=.*right=/)
    await it.page.getByRole('region', { name: 'Figures' }).waitFor()
  })

  test('7. a definition with an error is mended and stored', async () => {
    await open('/console/definitions?from=new')
    await it.page.getByRole('textbox', { name: 'Definition as YAML' }).waitFor()
    await tabTo(/^Definition as YAML|^DIV$/)
    await press('Control+End')
    await it.page.keyboard.insertText('wrong_field: 1')
    await it.page.locator('.status', { hasText: /problem/ }).waitFor()
    await press('Control+a')
    // Text that replaces a selection takes over its style in the browser, which the page's policy would refuse, and say.
    await press('Delete')
    await it.page.keyboard.insertText(
      'apiVersion: quorate/v1\nname: by_keyboard\nstages:\n- id: one\n  kind: tasks\n  tasks:\n  - id: a\n    agent: counter\n    instructions: Count.\n',
    )
    await it.page.locator('.status', { hasText: /^valid$/ }).waitFor()
    // The buttons stand above the editor; the way back is as short.
    for (let presses = 0; presses < 20; presses++) {
      await press('Shift+Tab')
      if (await it.page.evaluate(`document.activeElement.textContent === 'Store'`)) break
    }
    await press('Enter')
    await it.page.waitForURL(/definition=sha256/)
    assert.equal((await call(it.product, 'GET', '/definitions/by_keyboard')).status, 200)
  })

  test('8. an agent is added', async () => {
    await open('/console/agents')
    await tabTo(/^Add (an )?agent/)
    await press('Enter')
    await it.page.getByRole('dialog').waitFor()
    if (!(await it.page.evaluate(`document.activeElement === document.querySelector('dialog input')`)))
      await tabTo(/^Name/)
    await it.page.keyboard.type('typed')
    await tabTo(/^Add$/)
    await press('Enter')
    await it.page.getByRole('complementary', { name: 'Agent typed' }).waitFor()
  })

  test('9. an agent is drained', async () => {
    await open('/console/agents?agent=typed')
    await it.page.getByRole('complementary', { name: 'Agent typed' }).waitFor()
    await tabTo(/^Drain$/)
    await press('Enter')
    await it.page
      .getByRole('complementary', { name: 'Agent typed' })
      .locator('.status', { hasText: /draining|retired/ })
      .waitFor()
  })

  test('10. the theme is changed, and kept', async () => {
    await open('/console/settings')
    await tabTo(/^Theme/)
    await it.page.keyboard.type('dark')
    await it.page.locator('html[data-theme="dark"]').waitFor()
    await it.page.reload()
    await it.page.locator('html[data-theme="dark"]').waitFor()
  })

  test('no page broke its policy, failed, or asked anybody else', () => assert.deepEqual(it.wrongs, []))
})
