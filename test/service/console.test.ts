/**
 * The console in a real browser against the real program with real runs. Needs chromium; some minutes.
 * Screenshots of every view in light, dark and at phone width land in a folder that is named at the end.
 */
import assert from 'node:assert/strict'
import { existsSync, mkdtempSync, readFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { type Browser, chromium, type Page } from 'playwright-core'
import {
  call,
  folderWith,
  freePort,
  type Product,
  ROOT,
  removeFolder,
  startProduct,
  until,
} from '../e2e/running-product.ts'

const yaml = `models:
  ollama_url: http://127.0.0.1:1
  local:
    enabled: false
agents:
  - name: counter
    type: execution
    system: command
    capabilities: [counting]
    effect: none
    settings: { command: [wc, -c], input: stdin }
  - name: slow_reader_with_a_name_that_is_longer_than_most_columns
    type: execution
    system: command
    capabilities: [reading]
    effect: none
    settings: { command: [sh, -c, "sleep 3; cat"], input: stdin }
  - name: sleeper
    type: execution
    system: command
    capabilities: [sleeping]
    effect: none
    settings: { command: [sh, -c, "sleep 20; cat"], input: stdin }
  - name: breaker
    type: execution
    system: command
    capabilities: [failing]
    effect: none
    settings: { command: [sh, -c, "echo no >&2; exit 3"], input: stdin }
`

const task = (id: string, agent: string) => ({
  id,
  agent,
  instructions: 'Count what is given.',
  input: { text: '=inputs.text' },
})
const review = {
  apiVersion: 'quorate/v1',
  name: 'review_and_release',
  inputs: { text: { type: 'text' } },
  stages: [
    {
      id: 'read',
      kind: 'tasks',
      tasks: [
        task('first', 'counter'),
        task('second', 'counter'),
        task('third', 'slow_reader_with_a_name_that_is_longer_than_most_columns'),
      ],
    },
    {
      id: 'choose',
      kind: 'decide',
      cases: [{ when: 'read.succeeded >= 3', then: 'ask' }],
      otherwise: 'give_up',
    },
    {
      id: 'ask',
      kind: 'approval',
      question: 'Publish what the three readers found?',
      timeout: '1h',
      default: 'refuse',
    },
    { id: 'give_up', kind: 'tasks', tasks: [task('note', 'counter')] },
    {
      id: 'polish',
      kind: 'loop',
      max: 3,
      until: 'iteration >= 2',
      stages: [{ id: 'pass', kind: 'tasks', tasks: [task('smooth', 'counter')] }],
    },
    { id: 'publish', kind: 'tasks', tasks: [task('send', 'counter')] },
  ],
}
const sleeping = {
  apiVersion: 'quorate/v1',
  name: 'sleeping',
  stages: [{ id: 'sleep', kind: 'tasks', tasks: [{ id: 'nap', agent: 'sleeper', instructions: 'Sleep.' }] }],
}
const failing = {
  apiVersion: 'quorate/v1',
  name: 'failing',
  stages: [
    { id: 'break', kind: 'tasks', tasks: [{ id: 'one', agent: 'breaker', instructions: 'Fail.', attempts: 1 }] },
  ],
}

const executable = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'].find((path) =>
  existsSync(path),
)
const missing =
  executable === undefined && !process.env.CI ? 'chromium is not installed: apt-get install chromium' : false
const axe = readFileSync(join(ROOT, 'node_modules/axe-core/axe.min.js'), 'utf8')

describe('the console', { skip: missing, timeout: 540_000 }, () => {
  const shots = mkdtempSync(join(tmpdir(), 'quorate-console-'))
  let folder: string
  let product: Product
  let browser: Browser
  let page: Page
  /** What a page must never do: errors, refusals of its own policy, requests to anywhere else. */
  const wrongs: string[] = []

  const start = async (definition: object, more: object = {}): Promise<string> => {
    const { body } = await call(product, 'POST', '/create_workflow', { definition, ...more })
    assert.ok(body.run_id, JSON.stringify(body))
    return body.run_id as string
  }
  const statusOf = async (run: string): Promise<unknown> => (await call(product, 'GET', `/runs/${run}`)).body.status
  const open = (path: string) => page.goto(product.url + path)
  const sees = (text: string | RegExp) => page.getByText(text).first().waitFor({ timeout: 15_000 })

  const watched = async (options: object): Promise<Page> => {
    const made = await (await browser.newContext(options)).newPage()
    made.setDefaultTimeout(15_000)
    made.on('pageerror', (error) => wrongs.push(`error: ${error.message}`))
    made.on('console', (message) => {
      if (/Content Security Policy|Warning:|unique "key"/.test(message.text())) wrongs.push(message.text())
    })
    made.on('request', (request) => {
      if (!request.url().startsWith(product.url)) wrongs.push(`asks ${request.url()}`)
    })
    return made
  }
  const violations = async (of: Page): Promise<string[]> => {
    // The page's own policy lets no script in; the test's connection to the browser may.
    await of.evaluate(axe)
    const found = (await of.evaluate(
      `axe.run(document, { runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'] })`,
    )) as { violations: { id: string; nodes: { html: string; failureSummary: string }[] }[] }
    // Tasks in a graph that is zoomed out are small; the panel of their stage has the same ones in full size, which
    // WCAG 2.5.8 accepts ("equivalent").
    const small = (id: string, html: string) => id === 'target-size' && html.includes('nodrag')
    return found.violations.flatMap(({ id, nodes }) =>
      nodes
        .filter(({ html }) => !small(id, html))
        .slice(0, 1)
        .map(({ html, failureSummary }) => `${id}: ${html.slice(0, 200)} ${failureSummary}`),
    )
  }

  before(async () => {
    folder = folderWith(yaml)
    product = await startProduct(folder, await freePort())
    browser = await chromium.launch({
      executablePath: executable ?? 'chromium',
      args: [
        '--headless',
        '--no-sandbox',
        '--disable-gpu',
        '--disable-quic',
        '--no-first-run',
        '--disable-background-networking',
        '--disable-component-update',
        '--disable-sync',
      ],
    })
    page = await watched({ viewport: { width: 1280, height: 800 } })
  })
  after(async () => {
    await browser?.close()
    await product?.stop()
    if (folder) removeFolder(folder)
    console.log(`screenshots: ${shots}`)
  })

  test('an empty installation says what to do', async () => {
    await open('/')
    await sees('Nothing runs')
    await open('/console/approvals')
    await sees('Nothing waits for you')
    await open('/console/no_such_view')
    await sees('There is no such page')
  })

  test('a run of a file is started, watched, approved, and its result read', async () => {
    await open('/console/start')
    await page.locator('input[type=file]').setInputFiles({
      name: 'review.json',
      mimeType: 'application/json',
      buffer: Buffer.from(JSON.stringify(review)),
    })
    await page.getByRole('button', { name: /Stage publish tasks/ }).waitFor()
    await page.getByLabel(/^text/).fill('some words')
    await page.getByRole('button', { name: 'Start', exact: true }).click()
    await page.getByRole('button', { name: /Stage read tasks.*running$/ }).waitFor()
    await page.getByRole('button', { name: /Stage read tasks.*completed$/ }).waitFor()
    await page.getByLabel('Comment').fill('fine with me')
    await page.getByRole('button', { name: 'Approve' }).click()
    await page.getByRole('button', { name: /Stage publish tasks.*completed$/ }).waitFor()
    await page.getByRole('button', { name: /Stage give_up tasks.*skipped$/ }).waitFor()
    await page.getByRole('button', { name: /Stage choose decide.*completed$/ }).click()
    await sees('read.succeeded >= 3')
    await page.getByRole('button', { name: /Task third/ }).click()
    await sees('Why this one')
    await page.getByRole('link', { name: 'Events' }).click()
    await page.getByRole('button', { name: /approval_given .*fine with me/ }).waitFor()
    await page.getByRole('link', { name: 'Result' }).click()
    await page.getByRole('region', { name: 'Result' }).waitFor()
  })

  test('a run is cancelled; another one fails, and the overview says why', async () => {
    const run = await start(sleeping)
    await open(`/console/runs/${run}`)
    await page.getByRole('button', { name: /Stage sleep tasks.*running$/ }).waitFor()
    await page.getByRole('button', { name: 'Cancel run' }).click()
    await page.locator('.run-head .status', { hasText: 'cancelled' }).waitFor()
    const failed = await start(failing)
    await until(
      () => statusOf(failed),
      (status) => status === 'failed',
    )
    await open('/')
    await page.getByRole('region', { name: 'Failed, and why' }).getByText('failing').waitFor()
  })

  test('the list is filtered by words and state, and the address keeps it', async () => {
    await open('/console/runs')
    await page.getByRole('button', { name: 'cancelled' }).click()
    await page.getByRole('list', { name: 'Runs' }).getByText('sleeping').first().waitFor()
    await page.getByLabel('Words of the goal').fill('nothing has this name')
    await sees('No run fits these filters')
    assert.match(page.url(), /status=.*cancelled/)
    await page.reload()
    await sees('No run fits these filters')
  })

  test('an error in a definition is said in its place and mended; then it is stored', async () => {
    await open('/console/definitions?from=new')
    const editor = page.getByRole('textbox', { name: 'Definition as YAML' })
    await editor.waitFor()
    await page.evaluate(`document.querySelector('.editor-host').shadowRoot.querySelector('.cm-content').focus()`)
    await page.keyboard.press('Control+End')
    await page.keyboard.type('wrong_field: 1')
    await page
      .getByRole('list', { name: 'Findings' })
      .getByText(/wrong_field/)
      .first()
      .waitFor()
    assert.ok(await page.getByRole('button', { name: 'Store' }).isDisabled())
    await page.keyboard.press('Control+a')
    await page.keyboard.press('Delete')
    await page.keyboard.insertText(
      'apiVersion: quorate/v1\nname: mended\nstages:\n- id: one\n  kind: tasks\n  tasks:\n  - id: a\n    agent: counter\n    instructions: Count.\n',
    )
    await page.locator('.status', { hasText: /^valid$/ }).waitFor()
    await page.getByRole('button', { name: 'Store' }).click()
    await page.waitForURL(/definition=sha256/)
    assert.equal((await call(product, 'GET', '/definitions/mended')).status, 200)
  })

  test('an agent is added, probed, drained and removed', async () => {
    await open('/console/agents?add=true')
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

  test('three tasks by keyboard alone', async () => {
    // Go somewhere.
    await open('/')
    await sees('Executing')
    await page.keyboard.press('Control+k')
    await page.getByRole('combobox', { name: /Type a goal/ }).waitFor()
    await page.keyboard.type('runs')
    await page.keyboard.press('Enter')
    await page.waitForURL(/console\/runs$/)
    // Open a run of the list with arrows.
    await page.getByRole('list', { name: 'Runs' }).getByRole('link').first().focus()
    await page.keyboard.press('ArrowDown')
    await page.locator('[data-row="1"]:focus').waitFor()
    await page.keyboard.press('Enter')
    await page.waitForURL(/console\/runs\/run_/)
    // Answer an approval.
    const run = await start(review, { inputs: { text: 'x' } })
    await until(
      async () => (await call(product, 'GET', `/runs/${run}/approvals`)).body.items as unknown[],
      (items) => items.length > 0,
    )
    await open('/console/approvals')
    await page.getByRole('button', { name: 'Approve' }).waitFor()
    for (let presses = 0; presses < 40; presses++) {
      await page.keyboard.press('Tab')
      if ((await page.evaluate('document.activeElement.textContent')) === 'Approve') break
    }
    await page.keyboard.press('Enter')
    await until(
      () => statusOf(run),
      (status) => status === 'completed',
    )
    await sees('Nothing waits for you')
  })

  test('a server that is killed shows at once, and heals when it is back', async () => {
    const run = await start(review, { inputs: { text: 'y' } })
    await open(`/console/runs/${run}`)
    await page.getByRole('button', { name: /Stage read tasks.*running$/ }).waitFor()
    await product.stop('SIGKILL')
    await sees('Quorate does not answer')
    product = await startProduct(folder, product.port)
    await page.locator('.connection.live').waitFor()
    await page.getByRole('button', { name: 'Approve' }).click({ timeout: 30_000 })
    await page.locator('.run-head .status', { hasText: 'completed' }).waitFor({ timeout: 30_000 })
  })

  test('every view, light, dark and on a phone: nothing for axe to say, nothing wider than the screen', async () => {
    const run = await start(review, { inputs: { text: 'Words to read, and to count. '.repeat(20) } })
    await until(
      async () => (await call(product, 'GET', `/runs/${run}/approvals`)).body.items as unknown[],
      (items) => items.length > 0,
    )
    await call(product, 'PUT', '/definitions', { definition: review, note: 'for the pictures' })
    const views = {
      overview: '/',
      runs: '/console/runs',
      run: `/console/runs/${run}`,
      task: `/console/runs/${run}?task=read/third`,
      decision: `/console/runs/${run}?stage=choose`,
      timeline: `/console/runs/${run}?view=timeline`,
      events: `/console/runs/${run}?view=events`,
      result: `/console/runs/${run}?view=result`,
      start: '/console/start?template=vote_then_act&goal=Choose+a+database',
      agents: '/console/agents?agent=counter',
      add_agent: '/console/agents?add=true',
      approvals: '/console/approvals',
      definitions: '/console/definitions',
      definition: '/console/definitions?definition=review_and_release',
      metrics: '/console/metrics',
      settings: '/console/settings',
    }
    const looks = {
      light: { viewport: { width: 1280, height: 800 }, colorScheme: 'light' },
      dark: { viewport: { width: 1280, height: 800 }, colorScheme: 'dark' },
      phone: { viewport: { width: 390, height: 844 }, colorScheme: 'light', deviceScaleFactor: 2 },
    }
    const found: string[] = []
    for (const [look, options] of Object.entries(looks)) {
      const one = await watched({ ...options, reducedMotion: 'reduce' })
      for (const [view, path] of Object.entries(views)) {
        await one.goto(product.url + path)
        await one.locator('.connection.live').waitFor()
        await one.locator('#content:not(:has(.skeleton))').waitFor()
        await one.evaluate('new Promise((drawn) => requestAnimationFrame(() => requestAnimationFrame(drawn)))')
        await one.screenshot({ path: join(shots, `${view}-${look}.png`) })
        found.push(...(await violations(one)).map((text) => `${view} ${look}: ${text}`))
        const wide = await one.evaluate('document.documentElement.scrollWidth - innerWidth')
        if (Number(wide) > 0) found.push(`${view} ${look}: ${wide} px wider than the screen`)
      }
      await one.context().close()
    }
    assert.deepEqual(found, [])
  })

  test('no page broke its policy, failed, or asked anybody else', () => assert.deepEqual(wrongs, []))
})
