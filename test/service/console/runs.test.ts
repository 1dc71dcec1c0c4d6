/** Runs in the console: started, watched, approved, cancelled, found, forked, compared, replayed, kept. Needs chromium. */
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { after, before, describe, test } from 'node:test'
import { call } from '../../e2e/running-product.ts'
import { failing, quick, review, sleeping, wide } from './definitions.ts'
import { type Console, missing, openConsole, writeInEditor } from './in-browser.ts'

describe('runs in the console', { skip: missing, timeout: 240_000 }, () => {
  let it: Console
  before(async () => {
    it = await openConsole()
  })
  after(() => it?.close())
  const stage = (name: RegExp) => it.page.getByRole('button', { name })

  test('an empty installation says what to do', async () => {
    await it.open('/')
    await it.sees('Nothing runs')
    await it.open('/console/approvals')
    await it.sees('Nothing waits for you')
    await it.open('/console/no_such_view')
    await it.sees('There is no such page')
  })

  test('a goal is planned, looked at as a graph, changed, started and watched until it ends', async () => {
    const { page } = it
    await it.open('/console/runs')
    await it.sees('Live')
    await page.keyboard.press('Control+k')
    await page.getByRole('combobox', { name: /Type a goal/ }).fill('Count the words of this sentence')
    await page.keyboard.press('Enter')
    await page.waitForURL(/console\/start\?goal=/)
    await page.getByRole('button', { name: 'See the plan first' }).click()
    await stage(/^Stage .* tasks/)
      .first()
      .waitFor()
    await page.getByText('Agents and budget').click()
    await page.getByLabel('Calls', { exact: true }).fill('60')
    await page.getByLabel(/\//).first().selectOption({ label: 'capitals' })
    await page.getByRole('button', { name: 'Start', exact: true }).click()
    await page.waitForURL(/console\/runs\/run_/)
    await page.locator('.run-head .status', { hasText: 'completed' }).waitFor({ timeout: 60_000 })
    const run = page.url().split('/').at(-1)?.split('?')[0] as string
    const { hash } = (await call(it.product, 'GET', `/runs/${run}`)).body.definition as { hash: string }
    const { definition } = (await call(it.product, 'GET', `/definitions/${hash}`)).body as {
      definition: { budget: unknown; stages: { tasks: { agent: string }[] }[] }
    }
    assert.deepEqual(definition.budget, { calls: 60 })
    assert.equal(definition.stages[0]?.tasks[0]?.agent, 'capitals')
  })

  test('a file that is dropped anywhere is shown, started, approved, and its result read', async () => {
    const { page } = it
    await it.open('/console/start')
    const file = await page.evaluateHandle(`(() => {
      const data = new DataTransfer()
      data.items.add(new File([${JSON.stringify(JSON.stringify(review))}], 'review.json', { type: 'application/json' }))
      return data
    })()`)
    await page.dispatchEvent('#content', 'dragover', { dataTransfer: file })
    await it.sees('Drop the definition')
    await page.dispatchEvent('#content', 'drop', { dataTransfer: file })
    await stage(/Stage publish tasks/).waitFor()
    await page.getByLabel(/^text/).fill('some words')
    await page.getByRole('button', { name: 'Start', exact: true }).click()
    await stage(/Stage read tasks.*running$/).waitFor()
    await stage(/Stage read tasks.*completed$/).waitFor()
    await page.getByLabel('Comment').fill('fine with me')
    await page.getByRole('button', { name: 'Approve' }).click()
    await stage(/Stage publish tasks.*completed$/).waitFor()
    await stage(/Stage give_up tasks.*skipped$/).waitFor()
    await stage(/Stage choose decide.*completed$/).click()
    const ways = page.getByRole('region', { name: 'Ways' })
    await ways.locator('.way.taken', { hasText: 'read.succeeded >= 3' }).waitFor()
    await ways.locator('.way.not-taken', { hasText: 'give_up' }).waitFor()
    await ways.locator('dd', { hasText: /^3$/ }).waitFor()
    // By keyboard: it may stand behind the panel, and what a pointer would scroll there, the graph takes back at once.
    await stage(/Stage polish loop/).press('Enter')
    await page.getByRole('region', { name: 'Iterations' }).getByText('Iteration 2').waitFor()
    await stage(/Task third/).press('Enter')
    await it.sees('Why this one')
    await page.getByRole('region', { name: 'Input text' }).getByText('some words').waitFor()
    await page.getByRole('link', { name: 'Timeline' }).click()
    await page.getByRole('button', { name: /^ask/ }).waitFor()
    await page.getByRole('link', { name: 'Events' }).click()
    await page.getByRole('button', { name: /approval_given .*fine with me/ }).waitFor()
    await page.getByRole('link', { name: 'Result' }).click()
    await page.getByRole('region', { name: 'Result' }).waitFor()
  })

  test('a run is cancelled; another one fails, and the overview says why', async () => {
    const run = await it.start(sleeping)
    await it.open(`/console/runs/${run}`)
    await stage(/Stage sleep tasks.*running$/).waitFor()
    await it.page.getByRole('button', { name: 'Cancel run' }).click()
    await it.page.locator('.run-head .status', { hasText: 'cancelled' }).waitFor()
    await stage(/Stage sleep tasks.*cancelled$/).waitFor()
    await it.status(await it.start(failing), 'failed')
    await it.open('/')
    await it.page.getByRole('region', { name: 'Failed, and why' }).getByText('failing').waitFor()
  })

  test('the list is filtered by words and state, and the address keeps it', async () => {
    const { page } = it
    await it.open('/console/runs')
    await page.getByRole('button', { name: 'cancelled' }).click()
    await page.getByRole('list', { name: 'Runs' }).getByText('sleeping').first().waitFor()
    await page.getByLabel('Words of the goal').fill('nothing has this name')
    await it.sees('No run fits these filters')
    assert.match(page.url(), /status=.*cancelled/)
    await page.reload()
    await it.sees('No run fits these filters')
  })

  test('a run is forked before a stage with another input and an edited definition, which is checked first', async () => {
    const { page } = it
    const source = await it.start(quick, { inputs: { text: 'first words' } })
    await it.status(source, 'completed')
    await it.open(`/console/runs/${source}?stage=again`)
    await page.getByRole('link', { name: 'Fork from here' }).click()
    await page.waitForURL(/\/fork\?stage=again/)
    await page.getByLabel('Input text').fill('other words')
    await writeInEditor(page, 'apiVersion: quorate/v1\nname: quick_count\nstages: []\n')
    await page.locator('.status', { hasText: /problem/ }).waitFor()
    assert.ok(await page.getByRole('button', { name: 'Fork', exact: true }).isDisabled())
    const edited = structuredClone(quick)
    Object.assign(edited.stages[1]?.tasks[0] ?? {}, { agent: 'capitals' })
    await writeInEditor(page, JSON.stringify(edited))
    await it.sees('with the edited definition')
    await page.locator('.status', { hasText: /^valid$/ }).waitFor()
    await page.getByRole('button', { name: 'Fork', exact: true }).click()
    await page.waitForURL((url) => /\/runs\/run_[^/]+$/.test(url.pathname) && !url.pathname.includes(source))
    await page.locator('.run-head .status', { hasText: 'completed' }).waitFor()
    await it.sees('forked from')
    const fork = new URL(page.url()).pathname.split('/').at(-1)
    const { body } = await call(it.product, 'GET', `/runs/${fork}`)
    assert.deepEqual(body.inputs, { text: 'other words' })
    assert.match(JSON.stringify(body.result), /OTHER WORDS/)
    await page.getByRole('link', { name: 'compare them' }).click()
    await page.getByRole('region', { name: 'Run B' }).waitFor()
  })

  test('two runs are compared: picked in the list, where they part, values side by side, equal ones', async () => {
    const { page } = it
    const runs = []
    for (const text of ['the same', 'the same', 'another text']) {
      runs.push(await it.start(quick, { inputs: { text } }))
      await it.status(runs.at(-1) as string, 'completed')
    }
    await it.open('/console/runs?text=quick_count')
    await page.getByRole('checkbox').nth(0).check()
    await it.sees('One run is chosen')
    await page.getByRole('checkbox').nth(1).check()
    await page.getByRole('link', { name: 'Compare', exact: true }).click()
    await it.sees('They part before anything was done')
    const inputs = page.getByRole('region', { name: 'Inputs', exact: true })
    await inputs.locator('td.removed', { hasText: 'the same' }).waitFor()
    await inputs.locator('td.added', { hasText: 'another text' }).waitFor()
    await page.getByRole('link', { name: /^count/ }).click()
    assert.match(page.url(), /stage=count/)
    await page.getByRole('region', { name: 'Task one', exact: true }).getByText('What they were asked').click()
    await page.getByRole('region', { name: 'Differences of the input', exact: true }).waitFor()
    await page.getByRole('link', { name: 'Swap A and B' }).click()
    await inputs.locator('td.removed', { hasText: 'another text' }).waitFor()
    // The second run is picked from a list of those with the same definition.
    await it.open(`/console/runs/${runs[0]}`)
    await page.getByRole('link', { name: 'Compare', exact: true }).click()
    await page.getByRole('button', { name: 'Choose a run' }).click()
    await page
      .getByRole('dialog')
      .getByRole('button', { name: /quick_count/ })
      .nth(1)
      .click()
    await it.sees('They did the same')
  })

  test('a run is replayed with its verdict, saved as a template, and downloaded whole', async () => {
    const { page } = it
    const run = await it.start(quick, { inputs: { text: 'kept' } })
    await it.status(run, 'completed')
    await it.open(`/console/runs/${run}`)
    await page.getByRole('button', { name: 'More …' }).click()
    await page.getByRole('button', { name: 'Fold its log again' }).click()
    await page.getByRole('region', { name: 'Replay' }).getByText('identical').waitFor()
    const saved = async (name: string) => {
      const waiting = page.waitForEvent('download')
      await page.getByRole('button', { name, exact: true }).click()
      return readFileSync(await (await waiting).path(), 'utf8')
    }
    const log = (await saved('Event log')).trim().split('\n')
    const { body } = await call(it.product, 'GET', `/runs/${run}/events?limit=1000`)
    assert.deepEqual(
      log.map((line) => JSON.parse(line)),
      body.items,
    )
    assert.match(await saved('Definition'), /^apiVersion: quorate\/v1\nname: quick_count/)
    assert.ok((await saved('Result')).length > 0)
    await page.getByLabel('Name of the template').fill('kept_count')
    await page.getByRole('button', { name: 'Save', exact: true }).click()
    await page.waitForURL(/definition=sha256/)
    await it.sees('kept_count')
  })

  test('retry from a stage makes a new run that ends', async () => {
    const source = await it.start(quick, { inputs: { text: 'again' } })
    await it.status(source, 'completed')
    await it.open(`/console/runs/${source}?stage=again`)
    await it.page.getByRole('button', { name: 'Retry from here' }).click()
    await it.page.waitForURL((url) => /\/runs\/run_[^/]+$/.test(url.pathname) && !url.pathname.includes(source))
    await it.page.locator('.run-head .status', { hasText: 'completed' }).waitFor()
  })

  test('in a graph of 200 stages one is found by its name', async () => {
    const { page } = it
    await it.open(`/console/runs/${await it.start(wide)}`)
    await page.getByLabel('Find a stage').fill('stage_198')
    await page.keyboard.press('Enter')
    await page.waitForURL(/stage=stage_198/)
    await page.getByRole('button', { name: /Stage stage_198 tasks/ }).waitFor()
  })

  test('no page broke its policy, failed, or asked anybody else', () => assert.deepEqual(it.wrongs, []))
})
