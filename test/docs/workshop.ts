/** A folder that looks like the clone, where the docs' commands run as they are written, with data of their own. */
import { type ChildProcess, spawn } from 'node:child_process'
import { mkdtempSync, readdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { delimiter, dirname, join } from 'node:path'
import { TEST_CACHE } from '../test-configuration.ts'
import { type Block, blocksOf, ROOT } from './doc-blocks.ts'

export type Said = { status: number | null; out: string; err: string }
export type Workshop = {
  folder: string
  /** Runs a block of shell commands to its end. */
  run: (text: string) => Promise<Said>
  /** Runs a block that starts Quorate, in the place of the one that another block has started. */
  start: (text: string) => Promise<void>
  close: () => Promise<void>
}

/** @param ollama address of a model server; null: the small local model */
export function openWorkshop(port: number, ollama: string | null): Workshop {
  const folder = mkdtempSync(join(tmpdir(), 'quorate-docs-'))
  for (const entry of readdirSync(ROOT))
    if (!['.git', '.quorate', 'quorate.yaml', 'localagi-config.yaml'].includes(entry))
      symlinkSync(join(ROOT, entry), join(folder, entry))
  for (const { text, mark } of blocksOf('README.md'))
    if (mark.startsWith('file=')) writeFileSync(join(folder, mark.slice('file='.length)), `${text}\n`)
  const env = {
    ...process.env,
    PATH: `${dirname(process.execPath)}${delimiter}${process.env.PATH ?? ''}`,
    NO_COLOR: '1',
    QUORATE_PORT: String(port),
    QUORATE_DATA_DIR: join(folder, 'data'),
    QUORATE_CACHE_DIR: TEST_CACHE,
    QUORATE_MODELS_LOCAL_ENABLED: String(ollama === null),
    QUORATE_MODELS_LOCAL_HUB: 'false',
    // Nobody listens there: a server on the machine must not change what a test does.
    OLLAMA_BASE_URL: ollama ?? 'http://127.0.0.1:1',
  }
  const shell = (text: string): ChildProcess =>
    spawn('bash', ['-euo', 'pipefail', '-c', text.replaceAll(/\b(localhost|127\.0\.0\.1):8100\b/g, `$1:${port}`)], {
      cwd: folder,
      env,
      stdio: ['ignore', 'pipe', 'pipe'],
      // A group of its own, so that a signal reaches npm and the program as from a terminal.
      detached: true,
    })
  let server: ChildProcess | null = null
  let started = ''

  const stop = async (): Promise<void> => {
    const child = server
    server = null
    if (child?.pid === undefined || child.exitCode !== null || child.signalCode !== null) return
    const ended = new Promise((resolve) => child.once('exit', resolve))
    process.kill(-child.pid, 'SIGINT')
    await ended
  }

  return {
    folder,
    run: (text) =>
      new Promise((resolve, reject) => {
        const child = shell(text)
        let [out, err] = ['', '']
        child.stdout?.setEncoding('utf8').on('data', (part: string) => (out += part))
        child.stderr?.setEncoding('utf8').on('data', (part: string) => (err += part))
        child.on('error', reject)
        child.on('close', (status) => resolve({ status, out, err }))
      }),
    async start(text) {
      if (server !== null && started === text) return
      await stop()
      started = text
      const child = shell(text)
      server = child
      await new Promise<void>((resolve, reject) => {
        let said = ''
        const hear = (part: string) => {
          said += part
          if (said.includes('Ctrl-C stops everything')) resolve()
        }
        child.stdout?.setEncoding('utf8').on('data', hear)
        child.stderr?.setEncoding('utf8').on('data', hear)
        child.once('exit', (code) => reject(new Error(`"${text}" ended with ${code}:\n${said}`)))
      })
    },
    async close() {
      await stop()
      rmSync(folder, { recursive: true, force: true, maxRetries: 5 })
    },
  }
}

/** Blocks of shell commands in the order of the page, each with the answer that the page shows after it, if any. */
export function shellBlocks(page: string): (Block & { answer: string | null })[] {
  const blocks = blocksOf(page)
  return blocks.flatMap((block, i) => {
    if (block.language !== 'sh') return []
    const next = blocks[i + 1]
    return [{ ...block, answer: next?.language === 'json' ? next.text : null }]
  })
}

/** Fields that are shown and were not in the answer, as paths. */
export function notAnswered(shown: unknown, answered: unknown, at = ''): string[] {
  if (typeof shown !== 'object' || shown === null || Array.isArray(shown)) return []
  return Object.entries(shown).flatMap(([key, value]) => {
    const path = `${at}/${key}`
    if (typeof answered !== 'object' || answered === null || !Object.hasOwn(answered, key)) return [path]
    return notAnswered(value, (answered as Record<string, unknown>)[key], path)
  })
}
