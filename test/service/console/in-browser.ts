/** The real program and a real browser, for the console's tests; and what no page may ever do. */
import assert from 'node:assert/strict'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
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
} from '../../e2e/running-product.ts'
import { agents } from './definitions.ts'

const executable = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'].find((path) =>
  existsSync(path),
)
/** Why the tests are skipped where there is no browser; in CI they fail instead. */
export const missing =
  executable === undefined && !process.env.CI ? 'chromium is not installed: apt-get install chromium' : false

export type Console = {
  product: Product
  browser: Browser
  page: Page
  /** What a page must never do: errors, refusals of its own policy, requests to anywhere else. */
  wrongs: string[]
  /** A new context of the browser with one page that is watched for wrongs. */
  watched: (options: object) => Promise<Page>
  open: (path: string) => Promise<unknown>
  sees: (text: string | RegExp) => Promise<void>
  /** Starts a run through the API. */
  start: (definition: object, more?: object) => Promise<string>
  status: (run: string, wanted: string) => Promise<unknown>
  /** Until the run asks for an approval. */
  asks: (run: string) => Promise<unknown>
  /** Kills the program and starts it again on the same data. */
  kill: () => Promise<void>
  revive: () => Promise<void>
  /** More lines for the quorate.yaml of the next start, in the place of those before. */
  configure: (more: string) => void
  close: () => Promise<void>
}

export async function openConsole(more = ''): Promise<Console> {
  const folder = folderWith(agents + more)
  const wrongs: string[] = []
  const product = await startProduct(folder, await freePort())
  const browser = await chromium.launch({
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
  const watched = async (options: object): Promise<Page> => {
    const made = await (await browser.newContext(options)).newPage()
    made.setDefaultTimeout(20_000)
    made.on('pageerror', (error) => wrongs.push(`error: ${error.message}`))
    made.on('console', (message) => {
      if (/Content Security Policy|Warning:|unique "key"/.test(message.text()))
        wrongs.push(`${message.text()} at ${made.url()}`)
    })
    made.on('request', (request) => {
      if (!request.url().startsWith(product.url) && !request.url().startsWith('blob:'))
        wrongs.push(`asks ${request.url()}`)
    })
    return made
  }
  const page = await watched({ viewport: { width: 1280, height: 800 } })
  const opened: Console = {
    product,
    browser,
    page,
    wrongs,
    watched,
    open: (path) => page.goto(product.url + path),
    sees: (text) => page.getByText(text).first().waitFor(),
    async start(definition, more = {}) {
      const { body } = await call(product, 'POST', '/create_workflow', { definition, ...more })
      assert.ok(body.run_id, JSON.stringify(body))
      return body.run_id as string
    },
    status: (run, wanted) =>
      until(
        async () => (await call(product, 'GET', `/runs/${run}`)).body.status,
        (status) => status === wanted,
      ),
    asks: (run) =>
      until(
        async () => (await call(product, 'GET', `/runs/${run}/approvals`)).body.items as unknown[],
        (items) => items.length > 0,
      ),
    async kill() {
      await opened.product.stop('SIGKILL')
    },
    async revive() {
      opened.product = await startProduct(folder, product.port)
    },
    configure: (lines) => writeFileSync(join(folder, 'quorate.yaml'), agents + lines),
    async close() {
      await browser.close()
      await opened.product.stop()
      removeFolder(folder)
    },
  }
  return opened
}

const axe = readFileSync(join(ROOT, 'node_modules/axe-core/axe.min.js'), 'utf8')

/** What axe has to say of a page by WCAG 2.2 AA and its own best practice. */
export async function violations(of: Page): Promise<string[]> {
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

/** Types into the editor of definitions, which lives in a shadow root. */
export async function writeInEditor(page: Page, text: string): Promise<void> {
  await page.getByRole('textbox', { name: 'Definition as YAML' }).waitFor()
  await page.evaluate(`document.querySelector('.editor-host').shadowRoot.querySelector('.cm-content').focus()`)
  await page.keyboard.press('Control+a')
  await page.keyboard.press('Delete')
  await page.keyboard.insertText(text)
}
