/**
 * `npm run proof [-- part …] [--sample] [--seed=N] [--keep=DIR]`: shows what is promised about crashes, effects and long runs, and writes
 * docs/proof.md. Parts run one after the other, each in a process of its own. Exit status 1 when a promise is broken.
 *
 * `--name=value` is handed on to the parts (`--points=50`). `--sample` runs a little of each with a seed that is printed, for CI; it writes no document unless `--write` is given.
 */
import { spawn, spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { cpus, loadavg, platform, release, tmpdir, totalmem } from 'node:os'
import { join } from 'node:path'
import { type Circumstances, proofDocument, type Section, shown, verdict } from '../test/proof/document.ts'
import { numberOption, option } from '../test/proof/part-options.ts'
import { exactly, type Report, readReport } from '../test/proof/report.ts'

const repository = join(import.meta.dirname, '..')
const sample = process.argv.includes('--sample')
/** `--points=50` and the like: what a part says of its options goes before what is set for it here. */
const handedOn = process.argv.slice(2).filter((argument) => /^--(?!root|seed|keep)[a-z_]+=/.test(argument))
const seed = numberOption('seed', sample ? Math.floor(Math.random() * 1_000_000) : 1)

type Part = { file: string; title: string; whole: string[]; sample: string[]; report?: (ended: Ended) => Report }
type Ended = { code: number | null; out: string; err: string; seconds: number }

/** Whose report is a test's: it passed or not. */
const tested =
  (part: string, what: string) =>
  ({ code, out, err }: Ended): Report => ({
    part,
    figures: [exactly(what, code === 0 ? 'passed' : `failed: ${(err || out).slice(-300)}`, 'passed')],
    not_run: [],
    seed: null,
  })

const SIMULATED = { whole: 10_000, sample: 300 }

/** `replay` is last: it reads what the others leave. */
const parts: { [name: string]: Part } = {
  kills: {
    file: 'test/proof/kills.ts',
    title: 'Kill anywhere',
    whole: [],
    sample: ['--points=2', '--model=0'],
  },
  effects: {
    file: 'test/proof/effects.ts',
    title: 'No effect twice',
    whole: [],
    sample: ['--faults=60', '--losses=8', '--kills=1'],
  },
  upgrade: {
    file: 'test/proof/upgrade.ts',
    title: 'Upgrade while running',
    whole: [],
    sample: ['--parked=1', '--legs=2'],
  },
  long: {
    file: 'bench/long-run.ts',
    title: 'Long runs and parked runs',
    whole: [],
    sample: ['--tasks=1000', '--parked=200'],
  },
  peers: {
    file: 'bench/peers.ts',
    title: 'Figures beside peers',
    whole: [],
    sample: ['--sample'],
  },
  simulation: {
    file: 'test/simulation/simulation.test.ts',
    title: 'Simulation under a virtual clock',
    whole: [`--seeds=${SIMULATED.whole}`],
    sample: [`--seeds=${SIMULATED.sample}`],
    report: tested(
      'simulation',
      `random definitions under random agents, seeds 1 to ${SIMULATED[sample ? 'sample' : 'whole']}`,
    ),
  },
  storage: {
    file: 'test/proof/storage.ts',
    title: 'When the storage fails',
    whole: [],
    sample: ['--points=24', '--restarts=2', '--damages=40', '--only=power,damage,clock'],
  },
  faults: {
    file: 'test/faults/faults.ts',
    title: 'Twelve planted faults',
    whole: [],
    sample: ['--faults=2', '--beside=1', '--healthy=8'],
  },
  soak: {
    file: 'test/soak/soak.ts',
    title: 'Soak',
    whole: [],
    sample: ['--hours=2', '--minutes=0.6'],
  },
  replay: { file: 'test/proof/replay-logs.ts', title: 'Replay of every log', whole: [], sample: [] },
}

const named = process.argv.slice(2).filter((argument) => !argument.startsWith('--'))
const unknown = named.filter((name) => !Object.hasOwn(parts, name))
if (unknown.length > 0) {
  console.error(`there is no part ${unknown.join(', ')}; there are ${Object.keys(parts).join(', ')}`)
  process.exit(64)
}

function run({ file, whole, sample: few }: Part, root: string): Promise<Ended> {
  const began = performance.now()
  const args = [join(repository, file), `--root=${root}`, `--seed=${seed}`, ...handedOn, ...(sample ? few : whole)]
  const child = spawn(process.execPath, args, { cwd: repository, stdio: ['ignore', 'pipe', 'pipe'] })
  let out = ''
  let err = ''
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    out += text
  })
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    err = (err + text).slice(-20_000)
    process.stderr.write(text)
  })
  return new Promise((resolve) =>
    child.once('close', (code) => resolve({ code, out, err, seconds: (performance.now() - began) / 1_000 })),
  )
}

function git(...args: string[]): string {
  return String(spawnSync('git', args, { cwd: repository }).stdout ?? '').trim()
}

function circumstances(): Circumstances {
  const changed = git('status', '--porcelain', '--untracked-files=no') === '' ? '' : ' with local changes'
  const cores = cpus()
  return {
    commit: `${git('rev-parse', '--short', 'HEAD') || 'unknown'}${changed}`,
    date: `${new Date().toISOString().slice(0, 16).replace('T', ' ')} UTC`,
    machine: `${cores.length} cores (${cores[0]?.model ?? 'unknown'}), ${Math.round(totalmem() / 2 ** 30)} GB, ${platform()} ${release()}, Node.js ${process.version}`,
    extent: sample ? 'a sample' : handedOn.length > 0 ? `with ${handedOn.join(' ')}` : 'all of it',
    seed,
  }
}

const keep = option('keep', '')
if (keep !== '') mkdirSync(keep, { recursive: true })
const root = keep || mkdtempSync(join(tmpdir(), 'quorate-proof-'))
const wanted = Object.keys(parts).filter((name) => named.length === 0 || named.includes(name))
console.log(`proof: ${wanted.join(', ')}; ${sample ? 'a sample' : 'all of it'}, seed ${seed}`)
const on = circumstances()
const sections: Section[] = []
try {
  for (const name of wanted) {
    const part = parts[name] as Part
    console.log(`${name}: ${part.title}`)
    const load = loadavg()[0] ?? 0
    const ended = await run(part, root)
    const report = part.report?.(ended) ??
      readReport(ended.out) ?? {
        part: name,
        figures: [exactly('the part came to its end', `exit ${ended.code}: ${ended.err.slice(-300)}`, 'exit 0')],
        not_run: [],
        seed: null,
      }
    sections.push({ title: part.title, file: part.file, report, seconds: ended.seconds, load })
    for (const figure of report.figures)
      console.log(
        `  ${verdict(figure).replaceAll('*', '').padEnd(6)} ${figure.what}: ${shown(figure)}${figure.promise ? ` (${figure.promise})` : ''}`,
      )
    console.log(`  ${Math.round(ended.seconds)} s`)
  }
} finally {
  if (keep === '') rmSync(root, { recursive: true, force: true, maxRetries: 5 })
}
if (!sample || process.argv.includes('--write')) {
  const file = join(repository, 'docs/proof.md')
  const titles = Object.values(parts).map(({ title }) => title)
  const before = existsSync(file) ? readFileSync(file, 'utf8') : ''
  writeFileSync(file, proofDocument(sections, on, titles, before))
  console.log('written: docs/proof.md')
}
const broken = sections.flatMap(({ report }) => report.figures.filter(({ kept }) => kept === false))
console.log(broken.length === 0 ? 'every promise was kept' : `broken: ${broken.map(({ what }) => what).join('; ')}`)
process.exitCode = broken.length === 0 ? 0 : 1
