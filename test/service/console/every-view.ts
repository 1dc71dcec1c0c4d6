/**
 * Every view in one look (light, dark, on a phone): nothing for axe to say, nothing wider than the screen.
 * The pictures land in a folder that is named at the end.
 */
import assert from 'node:assert/strict'
import { mkdtempSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { call } from '../../e2e/running-product.ts'
import { quick, review, wide } from './definitions.ts'
import { type Console, missing, openConsole, violations } from './in-browser.ts'

const looks = {
  light: { viewport: { width: 1280, height: 800 }, colorScheme: 'light' },
  dark: { viewport: { width: 1280, height: 800 }, colorScheme: 'dark' },
  phone: { viewport: { width: 390, height: 844 }, colorScheme: 'light', deviceScaleFactor: 2 },
}

export const everyView = (look: keyof typeof looks) =>
  describe(`every view of the console, ${look}`, { skip: missing, timeout: 420_000 }, () => {
    const shots = mkdtempSync(join(tmpdir(), 'quorate-console-'))
    let it: Console
    let views: Record<string, string>
    before(async () => {
      it = await openConsole()
      const words = 'Words to read, and to count. '.repeat(20)
      const run = await it.start(review, { inputs: { text: words } })
      const runs = []
      for (const text of [words, words.replaceAll('read', 'spell')])
        runs.push(await it.start(quick, { inputs: { text } }))
      const large = await it.start(wide)
      await it.asks(run)
      for (const one of runs) await it.status(one, 'completed')
      await call(it.product, 'PUT', '/definitions', { definition: review, note: 'for the pictures' })
      const changed = {
        ...review,
        stages: review.stages.map((stage) => (stage.id === 'polish' ? { ...stage, max: 5 } : stage)),
      }
      await call(it.product, 'PUT', '/definitions', {
        definition: changed,
        note: 'Two more rounds, because '.repeat(8),
      })
      const compared = `/console/runs/compare?left=${runs[0]}&right=${runs[1]}`
      const versions = '/console/definitions?definition=review_and_release&view=versions'
      views = {
        overview: '/',
        runs: '/console/runs',
        run: `/console/runs/${run}`,
        task: `/console/runs/${run}?task=read/third`,
        decision: `/console/runs/${run}?stage=choose`,
        timeline: `/console/runs/${run}?view=timeline`,
        events: `/console/runs/${run}?view=events`,
        result: `/console/runs/${run}?view=result`,
        large_run: `/console/runs/${large}`,
        fork: `/console/runs/${runs[0]}/fork?stage=again`,
        compare: compared,
        compare_stage: `${compared}&all=true&stage=again`,
        compare_one: `/console/runs/compare?left=${runs[0]}`,
        start: '/console/start?template=vote_then_act&goal=Choose+a+database',
        agents: '/console/agents?agent=counter',
        add_agent: '/console/agents?add=true',
        approvals: '/console/approvals',
        definitions: '/console/definitions',
        definition: '/console/definitions?definition=review_and_release',
        versions,
        versions_text: `${versions}&as=text`,
        metrics: '/console/metrics',
        settings: '/console/settings',
        keys: '/console/settings?view=keys',
      }
    })
    after(async () => {
      await it?.close()
      console.log(`screenshots: ${shots}`)
    })

    test(look, async () => {
      const page = await it.watched({ ...looks[look], reducedMotion: 'reduce' })
      const found: string[] = []
      for (const [view, path] of Object.entries(views)) {
        await page.goto(it.product.url + path)
        await page.locator('.connection.live').waitFor()
        await page.locator('#content:not(:has(.skeleton))').waitFor()
        await page.evaluate('new Promise((drawn) => requestAnimationFrame(() => requestAnimationFrame(drawn)))')
        await page.screenshot({ path: join(shots, `${view}-${look}.png`) })
        found.push(...(await violations(page)).map((text) => `${view}: ${text}`))
        const over = Number(await page.evaluate('document.documentElement.scrollWidth - innerWidth'))
        if (over > 0) found.push(`${view}: ${over} px wider than the screen`)
      }
      await page.context().close()
      assert.deepEqual(found, [])
    })

    test('no page broke its policy, failed, or asked anybody else', () => assert.deepEqual(it.wrongs, []))
  })
