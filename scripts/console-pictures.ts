/**
 * Makes the README's pictures of the console, docs/media/console-*: the program as a person starts it, over runs of the
 * last two weeks that bench/filled-store.ts made up, with agents that are small commands and answer after some seconds.
 * A goal is typed, planned, started and watched until it ends; the film shows waits of more than a second shortened.
 * Needs chromium and Debian's package webp (img2webp).
 *
 *     node scripts/console-pictures.ts
 */
import { execFileSync } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import { type Browser, chromium, type Page } from 'playwright-core'
import { fill } from '../bench/filled-store.ts'
import { openStore } from '../src/store/sqlite.ts'
import { call, freePort, startProduct, until } from '../test/e2e/running-product.ts'

const root = join(import.meta.dirname, '..')
const media = join(root, 'docs/media')
const DAY = 86_400_000
const GOAL = 'Compare three ways to store events and recommend one'
const size = { width: 1200, height: 680 }
/** A frame of the film stands between these, in milliseconds; the last one so that it can be read. */
const [LEAST, MOST, LAST] = [220, 1_000, 4_000]

const agent = (name: string, seconds: number, capabilities: string[], says: string) => `
  - name: ${name}
    type: execution
    system: command
    capabilities: [${capabilities.join(', ')}]
    effect: none
    settings: { command: [sh, -c, ${JSON.stringify(`sleep ${seconds}; cat >/dev/null; printf '%s' ${quoted(says)}`)}], input: stdin, output: json }`
const quoted = (text: string) => `'${text.replaceAll("'", `'\\''`)}'`
const enough = JSON.stringify({ choice: 'enough', reason: 'It names what is lost if it is wrong, and how to notice.' })
const words = (text: string) => JSON.stringify({ text })
const agents = [
  agent('researcher', 3, ['research', 'analysis'], words('An append-only table, a log broker, files by day.')),
  agent(
    'translator',
    5,
    ['translation', 'analysis', 'ideation'],
    words('What decides is who reads, and how far back.'),
  ),
  agent('critic', 2, ['critique', 'review', 'decision_support', 'risk_assessment'], enough),
  agent(
    'writer',
    4,
    ['writing', 'editing', 'synthesis', 'facilitation'],
    words(
      'Keep the events in the database that is there already: one commit for many of them, and readers that follow by number.',
    ),
  ),
  agent('coder', 3, ['coding', 'code_review', 'testing'], words('Done.')),
]

const folder = mkdtempSync(join(tmpdir(), 'quorate-pictures-'))
mkdirSync(join(folder, 'frames'))
writeFileSync(
  join(folder, 'quorate.yaml'),
  `default_agents: false\nmodels:\n  ollama_url: http://127.0.0.1:1\n  local: { enabled: false }\nagents:${agents.join('')}\n`,
)
const store = await openStore({ data_dir: join(folder, 'data'), namespace: 'default', now: Date.now })
if (!store.ok) throw new Error(store.failure.message)
await fill(store.value, 700, 14 * DAY)
await store.value.close()

const product = await startProduct(folder, await freePort(), ['--log-level', 'error'])
const browser: Browser = await chromium.launch({
  executablePath: ['/usr/bin/chromium', '/usr/bin/chromium-browser'].find((path) => existsSync(path)) ?? 'chromium',
  args: ['--headless', '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-sync'],
})
try {
  const film = await filmed()
  await pictures(film)
} finally {
  await browser.close()
  await product.stop()
  rmSync(folder, { recursive: true, force: true })
}

async function pageIn(colorScheme: 'light' | 'dark'): Promise<Page> {
  const page = await (await browser.newContext({ viewport: size, colorScheme, reducedMotion: 'reduce' })).newPage()
  page.setDefaultTimeout(60_000)
  return page
}

/** Writes the film; answers the address of the run that is seen in it. */
async function filmed(): Promise<string> {
  const page = await pageIn('light')
  const frames: { file: string; at: number }[] = []
  const devtools = await page.context().newCDPSession(page)
  devtools.on('Page.screencastFrame', ({ data, sessionId, metadata }) => {
    const file = join(folder, 'frames', `${String(frames.length).padStart(5, '0')}.png`)
    writeFileSync(file, Buffer.from(data, 'base64'))
    frames.push({ file, at: (metadata.timestamp ?? 0) * 1_000 })
    void devtools.send('Page.screencastFrameAck', { sessionId }).catch(() => undefined)
  })
  await page.goto(product.url)
  await page.getByText('Live').first().waitFor()
  await wait(1_500)
  await devtools.send('Page.startScreencast', { format: 'png', maxWidth: size.width, maxHeight: size.height })
  await wait(1_000)
  await page.keyboard.press('Control+k')
  await page.getByRole('combobox', { name: /Type a goal/ }).pressSequentially(GOAL, { delay: 45 })
  await wait(400)
  await page.keyboard.press('Enter')
  await page.waitForURL(/console\/start\?goal=/)
  await page.getByRole('button', { name: 'See the plan first' }).click()
  await page
    .getByRole('button', { name: /^Stage / })
    .first()
    .waitFor()
  await wait(2_000)
  await page.getByRole('button', { name: 'Start', exact: true }).click()
  await page.waitForURL(/console\/runs\/run_/)
  const run = page.url().split('?')[0] ?? ''
  await page.locator('.run-head .status', { hasText: 'completed' }).waitFor({ timeout: 180_000 })
  await wait(1_500)
  await page.getByRole('link', { name: 'Timeline' }).first().click()
  await wait(1_500)
  await page.getByRole('link', { name: 'Result' }).first().click()
  await wait(1_500)
  await devtools.send('Page.stopScreencast')
  await page.context().close()
  const kept = frames.filter(({ at }, n) => n === frames.length - 1 || (frames[n + 1]?.at ?? at) - at >= LEAST / 2)
  const arguments_ = kept.flatMap(({ file, at }, n) => {
    const shown = (kept[n + 1]?.at ?? at + LAST) - at
    return ['-d', String(n === kept.length - 1 ? LAST : Math.round(Math.min(MOST, Math.max(LEAST, shown)))), file]
  })
  const target = join(media, 'console-goal.webp')
  execFileSync('img2webp', ['-loop', '0', '-min_size', '-lossless', '-m', '6', ...arguments_, '-o', target])
  console.log(`${target}: ${kept.length} frames, ${Math.round(statSync(target).size / 1_000)} kB`)
  return run
}

/** The run of the film, and the overview while others are under way and one asks. */
async function pictures(run: string): Promise<void> {
  const asks = {
    apiVersion: 'quorate/v1',
    name: 'publish_the_notes',
    stages: [{ id: 'ask', kind: 'approval', question: 'Publish the release notes?', timeout: '1h', default: 'refuse' }],
  }
  await call(product, 'POST', '/create_workflow', { definition: asks, goal: 'Publish the notes of release 4.2' })
  const templates = (await call(product, 'GET', '/templates')).body.items as { name: string; text: string }[]
  const definition = templates.find(({ name }) => name === 'collective_intelligence')?.text
  for (const goal of [
    'Find out why the nightly import takes four hours',
    'Write a brief on the licence change of our search engine',
  ]) {
    const { status, body } = await call(product, 'POST', '/create_workflow', { goal, definition, inputs: { goal } })
    if (status !== 202) throw new Error(JSON.stringify(body))
  }
  await until(
    async () => ((await call(product, 'GET', '/runs?status=running')).body.items as unknown[]).length,
    (running) => running > 0,
  )
  for (const scheme of ['light', 'dark'] as const) {
    const page = await pageIn(scheme)
    for (const [name, address] of [
      ['overview', product.url],
      ['run', `${run}?stage=enough`],
    ] as const) {
      await page.goto(address)
      await page.getByText('Live').first().waitFor()
      await wait(3_000)
      const file = join(media, `console-${name}-${scheme}.png`)
      await page.screenshot({ path: file })
      console.log(`${file}: ${Math.round(statSync(file).size / 1_000)} kB`)
    }
    await page.context().close()
  }
}
