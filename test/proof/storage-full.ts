/**
 * A disk that fills up or becomes read-only while runs are under way, with the program as a person starts it, its data on
 * a small file system of its own (needs root; for the second a loop device, whose ext4 is made to give up as after an
 * error of the disk). Requests are refused by name or accepted for good; runs stop, and go on by themselves when there is
 * room, or when the program is started again on a disk that was mounted anew. Nothing is lost, and no task runs twice
 * beyond those in flight.
 */
import { spawnSync } from 'node:child_process'
import { closeSync, mkdirSync, openSync, rmSync, truncateSync, writeFileSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import { hasEnded, type RunStatus } from '../../src/workflow/run-state.ts'
import { call, freePort, type Product, startProduct, until } from '../e2e/running-product.ts'
import { type OutsideWork, openOutsideWork } from './outside-work.ts'
import { exactly, type Figure, progress } from './report.ts'
import type { StorageFindings } from './storage-findings.ts'

const FULL_DISK_MB = 160
/** A sparse file: the engine reserves room that it does not use. */
const READ_ONLY_DISK_MB = 1_024
const STAGES = 8
const WIDE = 4
const RUNS = 4
/** The engine comes back within seconds, and a busy machine is patient. */
const BACK_MS = 120_000
/** Long enough that the engine notices too, and that whoever tries every second has tried. */
const TROUBLE_MS = 4_000

/** Null, or why it does not work here. */
function tried(program: string, ...args: string[]): string | null {
  const { error, status, stderr } = spawnSync(program, args)
  if (error !== undefined) return `${program}: ${error.message}`
  return status === 0 ? null : String(stderr).trim()
}

function fill(file: string): void {
  const handle = openSync(file, 'w')
  const block = Buffer.alloc(64 * 1024, 1)
  try {
    for (let size = block.length; size >= 512; ) {
      try {
        writeSync(handle, block, 0, size)
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'ENOSPC') throw error
        size = Math.floor(size / 2)
      }
    }
  } finally {
    closeSync(handle)
  }
}

/** Stages carry the run's own name, so that the outside can tell its calls from those of others. */
const definitionOf = (name: string) => ({
  apiVersion: 'quorate/v1',
  name: 'disk',
  stages: Array.from({ length: STAGES }, (_, s) => ({
    id: `${name}_${s + 1}`,
    kind: 'tasks',
    tasks: ['a', 'b', 'c', 'd'].map((id) => ({
      id,
      agent: 'outside',
      instructions: `Work of ${id}`,
      ...(s === 0 ? {} : { input: { before: `=${name}_${s}.output` } }),
    })),
  })),
  output: { last: `=${name}_${STAGES}.output` },
})

const configurationFor = (outside: string): string =>
  JSON.stringify({
    models: { ollama_url: 'http://127.0.0.1:1', local: { enabled: false } },
    outbound: { allow: ['127.0.0.1'] },
    agents: [
      {
        name: 'outside',
        system: 'http',
        settings: { url: outside, effect: 'pure', body: { task: '{{task}}', input: '{{input}}' } },
      },
    ],
  })

type Refusal = { status: number; body: Record<string, unknown> }

class Disk {
  readonly accepted: { run: string; name: string }[] = []
  readonly refused: Refusal[] = []
  product: Product
  #n = 0

  constructor(product: Product) {
    this.product = product
  }

  /** Starts a run, or learns why it is refused. */
  async begin(): Promise<boolean> {
    const name = `r${++this.#n}`
    const answer = await call(this.product, 'POST', '/create_workflow', { definition: definitionOf(name) })
    if (answer.status === 202) this.accepted.push({ run: String(answer.body['run_id']), name })
    else this.refused.push(answer)
    return answer.status === 202
  }

  async settle(): Promise<string[]> {
    const problems: string[] = []
    for (const { run } of this.accepted) {
      const { body } = await until(
        () => call(this.product, 'GET', `/runs/${run}`),
        ({ status, body: seen }) => status === 200 && hasEnded(seen['status'] as RunStatus),
        BACK_MS,
      )
      if (body['status'] !== 'completed') problems.push(`${run}: ${body['status']}, ${body['reason']}`)
    }
    return problems
  }
}

/** Calls beyond the first of each task, and tasks of accepted runs that nobody was called for. */
function counted(disk: Disk, outside: OutsideWork): { again: number; missing: number } {
  const calls = outside.calls()
  let missing = 0
  for (const { name } of disk.accepted)
    for (let stage = 1; stage <= STAGES; stage++)
      for (const id of ['a', 'b', 'c', 'd']) if (!calls.has(`${name}_${stage}/${id}`)) missing++
  return { again: [...calls.values()].reduce((sum, n) => sum + n - 1, 0), missing }
}

/** One disk, one kind of trouble: `strike` makes it, `mend` ends it. */
async function trouble(
  kind: 'full' | 'read-only',
  folder: string,
  strike: () => void,
  /** Takes the program, gives the one that goes on. */
  mend: (product: Product) => Promise<Product>,
): Promise<StorageFindings> {
  const problems: string[] = []
  const outside = await openOutsideWork()
  writeFileSync(join(folder, 'quorate.yaml'), configurationFor(outside.url))
  const disk = new Disk(await startProduct(folder, await freePort()))
  try {
    for (let n = 0; n < RUNS; n++) await disk.begin()
    await until(
      async () => outside.calls().size,
      (n) => n >= WIDE * RUNS,
      BACK_MS,
    )
    strike()
    // A write-ahead log has some room left in what it holds already; then it has to grow.
    const before = disk.accepted.length
    await until(
      async () => {
        await disk.begin()
        return disk.refused.length
      },
      (n) => n > 0,
      BACK_MS,
    )
    const refusal = disk.refused[0] as Refusal
    const wanted = kind === 'full' ? 507 : 503
    const says = JSON.stringify(refusal.body)
    if (refusal.status !== wanted || !says.includes(join(folder, 'data')) || refusal.body['remedy'] === undefined)
      problems.push(`disk ${kind}: refused with ${refusal.status} ${says}`)
    const ready = await call(disk.product, 'GET', '/readyz')
    if (ready.status === 200) problems.push(`disk ${kind}: /readyz says that all is well`)
    const stopped = Date.now()
    await until(
      async () => Date.now() - stopped,
      (ms) => ms > TROUBLE_MS,
    )
    const mended = Date.now()
    disk.product = await mend(disk.product)
    problems.push(...(await disk.settle()))
    const back = (Date.now() - mended) / 1_000
    const { again, missing } = counted(disk, outside)
    await disk.begin()
    problems.push(...(await disk.settle()))
    const ended = await disk.product.stop()
    if (ended.code !== 0) problems.push(`disk ${kind}: the program ended with ${ended.code}`)
    if (problems.length > 0) problems.push(disk.product.output().slice(-3_000))
    const figures: Figure[] = [
      {
        what: `disk ${kind}: runs under way, and accepted afterwards`,
        value: `${before} and ${disk.accepted.length - before - 1}`,
      },
      exactly(`disk ${kind}: status of the first refused request`, refusal.status, wanted),
      {
        what: `disk ${kind}: ${kind === 'full' ? 'room again' : 'stop, new mount and start'} until all runs are complete`,
        value: Math.round(back * 10) / 10,
        unit: 's',
      },
      exactly(`disk ${kind}: tasks of accepted runs that were lost`, missing, 0),
      {
        what: `disk ${kind}: calls again`,
        value: again,
        promise: `≤ ${WIDE * disk.accepted.length} in flight`,
        kept: again <= WIDE * disk.accepted.length,
      },
    ]
    return { figures, problems, not_run: [] }
  } catch (error) {
    return {
      figures: [],
      problems: [`disk ${kind}: ${String(error)}\n${disk.product.output().slice(-3_000)}`],
      not_run: [],
    }
  } finally {
    if (disk.product.child.exitCode === null) await disk.product.stop('SIGKILL')
    await outside.close()
  }
}

/** The program is started on a disk that takes no writes: it says so and ends. */
function refusedStart(folder: string): string | null {
  const started = spawnSync(
    process.execPath,
    [join(import.meta.dirname, '../../bin/quorate.mjs'), 'start', '--port', '0', '--data', join(folder, 'data')],
    { cwd: folder, encoding: 'utf8', timeout: BACK_MS },
  )
  const said = `${started.stdout}${started.stderr}`
  return started.status === 1 && said.includes(join(folder, 'data')) && said.includes('→') && !/defect/.test(said)
    ? null
    : `read-only at the start: exit ${started.status}: ${said.slice(-1_500)}`
}

async function fullDisk(root: string): Promise<StorageFindings> {
  const folder = join(root, 'full-disk')
  const disk = join(folder, 'data')
  mkdirSync(disk, { recursive: true })
  const why = tried('mount', '-t', 'tmpfs', '-o', `size=${FULL_DISK_MB}m`, 'tmpfs', disk)
  if (why !== null) return notRun(`a full disk was not tried, no tmpfs can be mounted: ${why}`)
  const filler = join(disk, 'filler')
  const mend = async (product: Product): Promise<Product> => {
    rmSync(filler)
    return product
  }
  try {
    return await trouble('full', folder, () => fill(filler), mend)
  } finally {
    tried('umount', '-l', disk)
  }
}

async function readOnlyDisk(root: string): Promise<StorageFindings> {
  const folder = join(root, 'read-only-disk')
  const disk = join(folder, 'data')
  const image = join(root, 'read-only-disk.img')
  mkdirSync(disk, { recursive: true })
  closeSync(openSync(image, 'w'))
  truncateSync(image, READ_ONLY_DISK_MB * 2 ** 20)
  const why = tried('mkfs.ext4', '-q', image) ?? tried('mount', '-o', 'loop', image, disk)
  if (why !== null) return notRun(`a disk that becomes read-only was not tried, no ext4 can be mounted: ${why}`)
  const mend = async (product: Product): Promise<Product> => {
    const stopped = await product.stop()
    if (stopped.code === null) throw new Error(`the program on a read-only disk was ended by ${stopped.signal}`)
    const start = refusedStart(folder)
    if (start !== null) throw new Error(start)
    const again = tried('umount', disk) ?? tried('mount', '-o', 'loop', image, disk)
    if (again !== null) throw new Error(`the disk could not be mounted again: ${again}`)
    return startProduct(folder, product.port)
  }
  try {
    // The kernel's own way of trying what it does after an error of the disk: `abort` of ext4(5).
    const found = await trouble('read-only', folder, () => void tried('mount', '-o', 'remount,abort', disk), mend)
    const started = exactly(
      'disk read-only: a start on it is refused by name, with exit status 1',
      found.figures.length > 0 ? 'yes' : 'no',
      'yes',
    )
    return { ...found, figures: [...found.figures, started] }
  } finally {
    tried('umount', '-l', disk)
    rmSync(image, { force: true })
  }
}

const notRun = (why: string): StorageFindings => ({ figures: [], problems: [], not_run: [why] })

export async function disksInTrouble(root: string): Promise<StorageFindings> {
  const all: StorageFindings[] = []
  for (const each of [fullDisk, readOnlyDisk]) {
    all.push(await each(root))
    progress(`${each.name}: ${all.at(-1)?.problems.length} problems`)
  }
  return {
    figures: all.flatMap(({ figures }) => figures),
    problems: all.flatMap(({ problems }) => problems),
    not_run: all.flatMap(({ not_run }) => not_run),
  }
}
