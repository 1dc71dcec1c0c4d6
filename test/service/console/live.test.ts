/** The console's connection: a server that dies, a stream that is held up, two tabs at once. Needs chromium. */
import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { dozing, review } from './definitions.ts'
import { type Console, missing, openConsole } from './in-browser.ts'

describe('the console is live', { skip: missing, timeout: 180_000 }, () => {
  let it: Console
  before(async () => {
    it = await openConsole()
  })
  after(() => it?.close())

  test('a server that is killed in mid-run shows at once, and heals when it is back', async () => {
    const { page } = it
    await it.open('/console/runs')
    await page.locator('.connection.live').waitFor()
    await it.start(dozing)
    await page.getByRole('list', { name: 'Runs' }).getByRole('link').first().click()
    await page.getByRole('button', { name: /Stage doze tasks.*running$/ }).waitFor()
    await it.kill()
    await it.sees('Quorate does not answer')
    await it.revive()
    await page.locator('.connection.live').waitFor()
    await page.getByRole('button', { name: 'Approve' }).click({ timeout: 30_000 })
    await page.locator('.run-head .status', { hasText: 'completed' }).waitFor({ timeout: 30_000 })
  })

  test('where the stream of changes is held up, changes are asked for; when it comes through, it is used again', async () => {
    const page = await it.watched({ viewport: { width: 1280, height: 800 } })
    let refused = 0
    await page.route('**/events', (route) => {
      refused += 1
      return route.abort()
    })
    const run = await it.start(review, { inputs: { text: 'z' } })
    await page.goto(`${it.product.url}/console/runs/${run}`)
    await page.locator('.connection.polling').waitFor()
    assert.ok(refused >= 3)
    // What happens is seen without the stream.
    await page.getByRole('button', { name: /Stage read tasks.*completed$/ }).waitFor()
    await page.getByRole('button', { name: 'Approve' }).waitFor()
    await page.unroute('**/events')
    await page.locator('.connection.live').waitFor({ timeout: 60_000 })
    await page.getByRole('button', { name: 'Approve' }).click()
    await page.locator('.run-head .status', { hasText: 'completed' }).waitFor()
    await page.context().close()
  })

  test('of two tabs both are live: what is approved in one is gone in the other', async () => {
    const run = await it.start(review, { inputs: { text: 'two' } })
    await it.asks(run)
    const other = await it.page.context().newPage()
    await Promise.all([it.open(`/console/runs/${run}`), other.goto(`${it.product.url}/console/approvals`)])
    for (const tab of [it.page, other]) await tab.getByRole('button', { name: 'Approve' }).first().waitFor()
    await it.page.getByRole('button', { name: 'Approve' }).click()
    await other.getByText('Nothing waits for you').waitFor()
    await it.page.locator('.run-head .status', { hasText: 'completed' }).waitFor()
    await other.close()
  })

  test('no page broke its policy, failed, or asked anybody else', () => assert.deepEqual(it.wrongs, []))
})
