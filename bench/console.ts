/**
 * What the console promises a person's eyes and hands, measured in Debian's Chromium against the program as `npm start`
 * runs it, over a store of 100,000 runs (bench/console-store.ts).
 *
 * Cold load: a new browser context, so nothing is cached; largest-contentful-paint, and the bytes that came over the wire
 * until the network was idle. INP: Event Timing of typing, clicks and tabs, as the browser counts them (8 ms steps), the
 * worst of all. Frames: time between two animation frames while the event log of a run is scrolled fast (500 px a frame), and while events
 * arrive in it; on a machine that is busy they hold the other programs' time too, so the processor time of the page's main
 * thread for each frame (DevTools' threadTicks) stands beside them. Graph: from the navigation to stages that stand in
 * their places. Lists: on the server from request to last byte; in the page from the request to the frame that shows it.
 * What is not: a slow network, a phone's processor, other browsers.
 *
 * Usage: npm run bench -- console [--rounds=5] [--runs=100000] [--data=DIR]      DIR is filled once and then kept
 */
import { cpSync, existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { cpus, loadavg, tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Browser, type CDPSession, chromium, type Page } from 'playwright-core'
import { freePort, type Product, startProduct } from '../test/e2e/running-product.ts'
import { numberOption, option } from '../test/proof/part-options.ts'
import { percentile, progress } from '../test/proof/report.ts'
import { consoleConfiguration, fillForConsole, longRun, wideRun } from './console-store.ts'

const rounds = numberOption('rounds', 5)
const runs = numberOption('runs', 100_000)
const kB = 1_000
const executable =
  ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'].find((path) => existsSync(path)) ??
  'chromium'

/** Runs in the page before its own scripts. The page's policy refuses no script of the browser's owner. */
const watch = `
  window.seen = { lcp: 0, events: [], frames: [], long: [] }
  new PerformanceObserver((list) => { for (const entry of list.getEntries()) seen.lcp = entry.startTime })
    .observe({ type: 'largest-contentful-paint', buffered: true })
  new PerformanceObserver((list) => { for (const e of list.getEntries()) if (e.interactionId) seen.events.push([e.interactionId, e.duration]) })
    .observe({ type: 'event', durationThreshold: 16, buffered: true })
  new PerformanceObserver((list) => { for (const entry of list.getEntries()) seen.long.push(entry.duration) })
    .observe({ type: 'long-animation-frame' })
  seen.frame = (now) => { if (seen.last) seen.frames.push(now - seen.last); seen.last = now; if (seen.on) requestAnimationFrame(seen.frame) }
  // The first frame after the one in which the look succeeds: what was drawn by then is on the screen.
  seen.when = (look) => new Promise((resolve) => {
    const ask = () => look() ? requestAnimationFrame(() => resolve(performance.now())) : requestAnimationFrame(ask)
    ask()
  })
`

/** When the stages of a graph stand in their places. */
const placed = `seen.when(() => {
  const stages = document.querySelectorAll('.react-flow__node .stage')
  return stages.length > 0 && getComputedStyle(stages[0].closest('.react-flow__node')).visibility === 'visible'
})`

const figures = new Map<string, { promise: number | null; unit: string; values: number[]; worst: boolean }>()
/** `worst`: the promise is for the worst of all, else for the median. */
function note(
  what: string,
  values: readonly number[],
  unit: string,
  promise: number | null = null,
  worst = false,
): void {
  const known = figures.get(what)?.values ?? []
  figures.set(what, { promise, unit, values: [...known, ...values], worst })
}

const kept = option('data', '')
const scratch = mkdtempSync(join(tmpdir(), 'quorate-bench-'))
const filled = kept === '' ? join(scratch, 'filled') : kept
let product: Product | null = null
let browser: Browser | null = null
// A bench that breaks must not leave the program behind.
process.on('exit', () => {
  product?.child.kill('SIGKILL')
  rmSync(scratch, { recursive: true, force: true })
})

if (!existsSync(join(filled, 'quorate.db'))) {
  mkdirSync(filled, { recursive: true })
  await fillForConsole(filled, runs, progress)
}
cpSync(filled, join(scratch, 'data'), { recursive: true })
writeFileSync(join(scratch, 'quorate.yaml'), consoleConfiguration)
const before = loadavg()[0] ?? 0
product = await startProduct(scratch, await freePort(), ['--log-level', 'error'])
const { url } = product
browser = await chromium.launch({
  executablePath: executable,
  args: ['--headless', '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-sync'],
})

for (let round = 0; round < rounds; round++) {
  progress(`round ${round + 1} of ${rounds}, load ${(loadavg()[0] ?? 0).toFixed(1)}`)
  for (const [name, path] of [
    ['overview', '/'],
    ['runs', '/console/runs'],
  ] as const)
    await coldLoad(name, path)
  await graph()
  await interactions()
  await frames()
  await onServer()
  await drawn()
}
await browser.close()
await product.stop()
report()

async function page(): Promise<Page> {
  if (browser === null) throw new Error('no browser')
  const context = await browser.newContext({ viewport: { width: 1280, height: 800 } })
  await context.addInitScript(watch)
  const made = await context.newPage()
  made.setDefaultTimeout(60_000)
  return made
}

async function coldLoad(name: string, path: string): Promise<void> {
  const cold = await page()
  let [bytes, code] = [0, 0]
  const devtools = await cold.context().newCDPSession(cold)
  await devtools.send('Network.enable')
  await devtools.send('Performance.enable', { timeDomain: 'threadTicks' })
  // What is asked again because a run went on is no part of the first view.
  const once = new Set<string>()
  const kinds = new Map<string, string>()
  devtools.on('Network.responseReceived', ({ requestId, type, response }) => {
    if (!once.has(response.url)) kinds.set(requestId, type)
    once.add(response.url)
  })
  devtools.on('Network.loadingFinished', ({ requestId, encodedDataLength }) => {
    const kind = kinds.get(requestId)
    if (kind === undefined) return
    bytes += encodedDataLength
    if (['Document', 'Script', 'Stylesheet', 'Font', 'Image'].includes(kind)) code += encodedDataLength
  })
  await cold.goto(url + path)
  await cold.locator('#content').waitFor()
  await idle(cold)
  note(`cold load of ${name}: largest contentful paint`, [(await cold.evaluate('seen.lcp')) as number], 'ms', 1_500)
  const { metrics } = await devtools.send('Performance.getMetrics')
  const used = (metrics.find(({ name: metric }) => metric === 'TaskDuration')?.value ?? 0) * 1_000
  note(`cold load of ${name}: processor time of the page, all`, [used], 'ms')
  note(`cold load of ${name}: over the wire, all`, [bytes / kB], 'kB', 350, true)
  note(`cold load of ${name}: of it page, scripts and styles`, [code / kB], 'kB')
  await cold.context().close()
}

/**
 * Until no path was asked for the first time within a second. The stream of changes never ends and runs go on, so the
 * browser's own word for an idle network does not come.
 */
async function idle(of: Page): Promise<void> {
  const paths = new Set<string>()
  of.on('request', (request) => paths.add(new URL(request.url()).pathname))
  for (let last = -1; last !== paths.size; ) {
    last = paths.size
    await of.waitForTimeout(1_000)
  }
}

async function graph(): Promise<void> {
  const cold = await page()
  await cold.goto(`${url}/console/runs/${wideRun}`)
  note('graph of 200 stages: placed, cold load', [(await cold.evaluate(placed)) as number], 'ms')
  // Within the console, as one opens it from the list.
  await cold.goto(`${url}/console/runs?text=200+stages`)
  // As a person does it: the pointer comes to the row, stays for a moment, and presses.
  await cold.locator(`a[href*="${wideRun}"]`).hover()
  await cold.waitForTimeout(300)
  const took = await cold.evaluate(
    `(async () => { const from = performance.now(); document.querySelector('a[href*="${wideRun}"]').click(); return (await ${placed}) - from })()`,
  )
  note('graph of 200 stages: placed, opened from the list', [took as number], 'ms', 1_000)
  await cold.context().close()
}

async function interactions(): Promise<void> {
  const at = await page()
  await at.goto(`${url}/console/runs`)
  await at.locator('.list-row').first().waitFor()
  const search = at.getByRole('searchbox')
  await search.pressSequentially('deployment 3', { delay: 60 })
  await at.waitForTimeout(500)
  await search.fill('')
  await at.getByRole('button', { name: 'failed', exact: true }).click()
  await at.waitForTimeout(500)
  await at.getByRole('button', { name: 'failed', exact: true }).click()
  await at.locator('.list-row').nth(3).click()
  await at.locator('.run-head').waitFor()
  for (const tab of ['Timeline', 'Events', 'Result', 'Graph']) {
    await at.getByRole('link', { name: tab }).first().click()
    await at.waitForTimeout(250)
  }
  await at.locator('.stage-head').first().click()
  const short = await interacted(at)
  note('interaction to next paint: lists and a run', short, 'ms', 200, true)
  await at.goto(`${url}/console/runs/${longRun}?view=events`)
  await at.locator('.event-row').first().waitFor()
  await at.getByLabel('Filter events').pressSequentially('task_finished', { delay: 80 })
  await at.locator('.event-row').first().click()
  for (const tab of ['Timeline', 'Graph', 'Events']) {
    await at.getByRole('link', { name: tab }).first().click()
    await at.waitForTimeout(400)
  }
  note('interaction to next paint: a run with 10,000 events', await interacted(at), 'ms', 200, true)
  await at.context().close()
}

/** The longest event of each interaction; those under 16 ms are not told by the browser. */
async function interacted(of: Page): Promise<number[]> {
  await of.waitForTimeout(300)
  const events = (await of.evaluate('seen.events')) as [number, number][]
  const longest = new Map<number, number>()
  for (const [id, duration] of events) longest.set(id, Math.max(duration, longest.get(id) ?? 0))
  return [...longest.values()]
}

async function frames(): Promise<void> {
  const at = await page()
  const devtools = await at.context().newCDPSession(at)
  await devtools.send('Performance.enable', { timeDomain: 'threadTicks' })
  await at.goto(`${url}/console/runs/${longRun}?view=events`)
  await at.locator('.event-row').first().waitFor()
  await idle(at)
  await at.mouse.move(400, 500)
  await framesOf(at, devtools, 'scrolling 10,000 events', async () => {
    for (let step = 0; step < 120; step++) {
      await at.mouse.wheel(0, step % 60 < 30 ? -500 : 500)
      await at.waitForTimeout(16)
    }
  })
  await at.mouse.wheel(0, 1_000_000)
  await framesOf(at, devtools, 'events arriving in 10,000', () => at.waitForTimeout(5_000))
  await at.goto(`${url}/console/runs/${longRun}`)
  await at.locator('.stage').first().waitFor()
  await idle(at)
  await framesOf(at, devtools, 'graph of a run with 10,000 events, live', () => at.waitForTimeout(5_000))
  await at.context().close()
}

async function framesOf(at: Page, devtools: CDPSession, what: string, during: () => Promise<unknown>): Promise<void> {
  const busy = async () => {
    const { metrics } = await devtools.send('Performance.getMetrics')
    return (metrics.find(({ name }) => name === 'TaskDuration')?.value ?? 0) * 1_000
  }
  await at.evaluate(
    'seen.frames = []; seen.long = []; seen.last = 0; seen.on = true; requestAnimationFrame(seen.frame); undefined',
  )
  const from = await busy()
  await during()
  const used = (await busy()) - from
  const { frames, long } = (await at.evaluate('seen.on = false; ({ frames: seen.frames, long: seen.long })')) as {
    frames: number[]
    long: number[]
  }
  note(`${what}: frame, p95`, [percentile(frames, 0.95) ?? Number.NaN], 'ms', 50)
  note(`${what}: every frame`, frames, 'ms')
  note(`${what}: long frames (> 50 ms) of the page's own work`, [long.length], '')
  note(`${what}: processor time of the page for a frame`, [used / frames.length], 'ms', 50)
}

async function onServer(): Promise<void> {
  const asked: [string, string][] = [
    ['first page', 'limit=100'],
    ['one state', 'limit=100&status=failed'],
    ['two states and a kind', 'limit=100&status=failed&status=cancelled&kind=swarm'],
    ['words found often', 'limit=100&text=deployment'],
    ['words found nowhere', 'limit=100&text=zebra'],
  ]
  for (const [what, query] of asked)
    for (let i = 0; i < 5; i++) note(`page of ${runs} runs, server: ${what}`, [(await get(query)).took], 'ms', 200)
  let next: string | null = null
  for (let i = 0; i < 30; i++) {
    const got = await get(`limit=100${next === null ? '' : `&cursor=${encodeURIComponent(next)}`}`)
    if (i > 0) note(`page of ${runs} runs, server: the 29 after it`, [got.took], 'ms', 200)
    next = got.next
    if (next === null) break
  }
}

async function get(query: string): Promise<{ took: number; next: string | null }> {
  const from = performance.now()
  const response = await fetch(`${url}/runs?${query}`)
  const body = (await response.json()) as { next: string | null }
  if (response.status !== 200) throw new Error(JSON.stringify(body))
  return { took: performance.now() - from, next: body.next }
}

/** In the page: from the request to the frame that shows other rows. */
async function drawn(): Promise<void> {
  const at = await page()
  await at.goto(`${url}/console/runs`)
  await at.locator('.list-row').first().waitFor()
  await idle(at)
  const until = (change: string, shown: string) => `(async () => {
    performance.clearResourceTimings();
    ${change};
    const shown = await seen.when(() => performance.getEntriesByType('resource').some(({ name }) => name.includes('/runs?')) && ${shown})
    return shown - performance.getEntriesByType('resource').findLast(({ name }) => name.includes('/runs?')).startTime
  })()`
  const chip = (name: string) =>
    `[...document.querySelectorAll('.chip')].find((one) => one.textContent === '${name}').click()`
  const all = (state: string) =>
    `[...document.querySelectorAll('.list-row .status')].length > 0 && [...document.querySelectorAll('.list-row .status')].every((one) => one.textContent.includes('${state}'))`
  for (const state of ['failed', 'cancelled']) {
    note(
      `page of ${runs} runs, drawn: one state`,
      [(await at.evaluate(until(chip(state), all(state)))) as number],
      'ms',
      200,
    )
    await at.evaluate(chip(state))
    await at.waitForTimeout(500)
  }
  const took = at.evaluate(
    until(
      '',
      `[...document.querySelectorAll('.list-row')].slice(0, 1).some((row) => row.textContent.includes('deployment 5'))`,
    ),
  )
  await at.getByRole('searchbox').fill('deployment 5')
  note(`page of ${runs} runs, drawn: words`, [(await took) as number], 'ms', 200)
  await at.context().close()
}

function report(): void {
  const busy = `load ${before.toFixed(1)} before, ${(loadavg()[0] ?? 0).toFixed(1)} after, on ${cpus().length} processors`
  console.log(
    `\n${rounds} rounds; ${runs} runs; Node ${process.version}; ${busy}; ${new Date().toISOString().slice(0, 10)}\n`,
  )
  console.log('| what | n | median | p95 | worst | promised | kept |\n| --- | --- | --- | --- | --- | --- | --- |')
  for (const [what, { promise, unit, values, worst }] of figures) {
    const [median, most] = [percentile(values, 0.5) ?? Number.NaN, Math.max(...values)]
    const verdict = promise === null ? '' : (worst ? most : median) <= promise ? 'yes' : 'NO'
    const limit = promise === null ? '' : `≤ ${promise} ${unit}${worst ? ', worst' : ''}`
    const cells = [median, percentile(values, 0.95) ?? Number.NaN, most].map((value) =>
      `${value.toFixed(1)} ${unit}`.trim(),
    )
    console.log(`| ${[what, values.length, ...cells, limit, verdict].join(' | ')} |`)
  }
}
