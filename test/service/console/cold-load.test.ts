/** The first view: what it shows is asked for before the code that draws it has come, and once. Needs chromium. */
import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { quick } from './definitions.ts'
import { type Console, missing, openConsole } from './in-browser.ts'

describe('a cold load of the console', { skip: missing, timeout: 120_000 }, () => {
  let it: Console
  let run: string
  before(async () => {
    it = await openConsole()
    run = await it.start(quick, { inputs: { text: 'x' } })
    await it.status(run, 'completed')
  })
  after(() => it?.close())

  const views: [name: string, path: () => string, wanted: () => string[]][] = [
    [
      'the overview',
      () => '/',
      () => ['/orchestration_status', '/questions', '/metrics_over_time', '/runs', '/runs', '/agents'],
    ],
    ['the list of runs', () => '/console/runs', () => ['/orchestration_status', '/questions', '/runs']],
    ['a run', () => `/console/runs/${run}`, () => ['/orchestration_status', '/questions', `/runs/${run}`]],
  ]
  for (const [name, path, wanted] of views)
    test(name, async () => {
      const page = await it.watched({ viewport: { width: 1280, height: 800 } })
      const asked: string[] = []
      const addresses = new Set<string>()
      const twice: string[] = []
      let sent = (): void => undefined
      const allSent = new Promise<void>((resolve) => {
        sent = resolve
      })
      page.on('request', (request) => {
        const { pathname, search } = new URL(request.url())
        if (request.resourceType() !== 'fetch') return
        asked.push(pathname)
        if (addresses.has(pathname + search)) twice.push(pathname + search)
        addresses.add(pathname + search)
        if (wanted().every((one) => asked.includes(one))) sent()
      })
      // The code arrives only when everything has been asked for; were it the other way round, nothing would come.
      await page.route('**/assets/main-*.js', async (route) => {
        await allSent
        await route.continue()
      })
      await page.goto(it.product.url + path())
      await page.locator('.connection.live').waitFor()
      await page.locator('#content:not(:has(.skeleton))').waitFor()
      assert.deepEqual(asked.slice(0, wanted().length).sort(), wanted().sort())
      assert.deepEqual(twice, [])
      await page.context().close()
    })

  test('a run is fetched while the pointer, or the focus, rests on its row', async () => {
    const page = await it.watched({ viewport: { width: 1280, height: 800 } })
    for (const come of ['hover', 'focus'] as const) {
      await page.goto(`${it.product.url}/console/runs`)
      const row = page.locator(`a[href*="${run}"]`)
      const fetched = page.waitForRequest((request) => request.url().endsWith(`/runs/${run}`))
      await row[come]()
      await fetched
      assert.match(page.url(), /\/console\/runs$/)
    }
    await page.context().close()
  })

  test('no page broke its policy, failed, or asked anybody else', () => assert.deepEqual(it.wrongs, []))
})
