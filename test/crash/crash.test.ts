/**
 * `kill -9` of the program, the engine and the model process right after enumerated commits of a run with four agents
 * side by side. Each time: the output of the undisturbed run, no task again whose completion was stored, at most the
 * calls in flight again. `--points=N` says how many commits are struck (of all that there are); `--seed=` is printed.
 */
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { after, before, describe, test } from 'node:test'

const option = (name: string, otherwise: number): number =>
  Number(process.argv.find((argument) => argument.startsWith(`--${name}=`))?.split('=')[1] ?? otherwise)
const POINTS = option('points', 2)
/** The part with a real model takes minutes: it runs with ten points and more, in CI and in the proof. */
const KINDS = POINTS >= 10 ? (['plain', 'model'] as const) : (['plain'] as const)
const IN_FLIGHT = 4

type Ended = { code: number | null; signal: string | null; out: string; err: string }
type Outcome = { status: string; output: unknown; commits: number; gapless: boolean }

function runProgram(data: string, ledger: string, kind: string, strike: string[] = []): Promise<Ended> {
  return new Promise((resolve) => {
    const child = spawn(process.execPath, [join(import.meta.dirname, 'program.ts'), data, ledger, kind, ...strike], {
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    let out = ''
    let err = ''
    child.stdout.on('data', (text) => (out += text))
    child.stderr.on('data', (text) => (err += text))
    child.once('close', (code, signal) => resolve({ code, signal, out, err }))
  })
}

const outcomeOf = (ended: Ended): Outcome => {
  assert.equal(ended.code, 0, `the program ended well: ${ended.err.slice(-2_000)}`)
  return JSON.parse(ended.out) as Outcome
}

const started = (ledger: string): Map<string, number> => {
  const counts = new Map<string, number>()
  if (existsSync(ledger))
    for (const task of readFileSync(ledger, 'utf8').split('\n').filter(Boolean))
      counts.set(task, (counts.get(task) ?? 0) + 1)
  return counts
}

/** Tasks whose completion is in the database, read while nothing runs. */
function storedCompletions(data: string): string[] {
  const db = new DatabaseSync(join(data, 'quorate.db'), { readOnly: true })
  try {
    return db
      .prepare("select data from events where type = 'task_finished'")
      .all()
      .map((row) => (JSON.parse(String(row['data'])) as { task: string }).task)
  } finally {
    db.close()
  }
}

/**
 * Evenly spread over the commits that every such run has. How many events share a commit depends on the machine's pace,
 * so the last quarter of the undisturbed run's commits may not be there in the next run.
 */
const points = (commits: number): number[] => {
  const last = Math.floor(commits * 0.75)
  const n = Math.min(POINTS, last)
  return [...new Set(Array.from({ length: n }, (_, i) => Math.round(1 + (i * (last - 1)) / Math.max(1, n - 1))))]
}

/** How many processes were killed in this folder's run. */
const struck = (data: string): number => {
  const file = join(data, 'killed')
  return existsSync(file) ? Number(readFileSync(file, 'utf8')) : 0
}

let root = ''
before(() => {
  root = mkdtempSync(join(tmpdir(), 'quorate-crash-'))
})
after(() => rmSync(root, { recursive: true, force: true }))

let serial = 0
const fresh = (): { data: string; ledger: string } => {
  const data = join(root, `d${++serial}`)
  return { data, ledger: `${data}.ledger` }
}

for (const kind of KINDS) {
  describe(`a run with four ${kind === 'plain' ? 'deterministic agents' : 'agents, one of them on a real model'}`, () => {
    let baseline: Outcome
    before(async () => {
      const { data, ledger } = fresh()
      baseline = outcomeOf(await runProgram(data, ledger, kind))
      assert.equal(baseline.status, 'completed')
      console.log(
        `${kind}: ${baseline.commits} commits in the undisturbed run, struck after ${points(baseline.commits).join(', ')}`,
      )
    })

    if (kind === 'plain') {
      test('program killed: the same output, no completed task again', async () => {
        for (const [i, at] of points(baseline.commits).entries()) {
          const { data, ledger } = fresh()
          const killed = await runProgram(data, ledger, kind, [String(at), 'program'])
          assert.equal(killed.signal, 'SIGKILL', `killed after commit ${at}: ${killed.err.slice(-500)}`)
          const completed = storedCompletions(data)
          const before = started(ledger)
          // Every other time the engine's folder goes too: the event log alone has to do.
          if (i % 2 === 1) rmSync(join(data, 'engine'), { recursive: true, force: true })
          const outcome = outcomeOf(await runProgram(data, ledger, kind))
          const now = started(ledger)
          assert.deepEqual(outcome.output, baseline.output, `output after a kill at commit ${at}`)
          assert.ok(outcome.gapless)
          for (const task of completed)
            assert.equal(now.get(task), before.get(task), `${task} was complete at commit ${at} and ran again`)
          const again = [...now.values()].reduce((sum, n) => sum + n - 1, 0)
          assert.ok(again <= IN_FLIGHT, `${again} calls again after a kill at commit ${at}`)
          rmSync(data, { recursive: true, force: true })
        }
      })

      test('engine killed: the same output, no call again at all', async () => {
        for (const at of points(baseline.commits)) {
          const { data, ledger } = fresh()
          const outcome = outcomeOf(await runProgram(data, ledger, kind, [String(at), 'engine']))
          assert.equal(struck(data), 1, `the engine was killed at commit ${at}`)
          assert.deepEqual(outcome.output, baseline.output, `output after a kill at commit ${at}`)
          assert.ok(
            [...started(ledger).values()].every((n) => n === 1),
            `calls after a kill at commit ${at}`,
          )
          rmSync(data, { recursive: true, force: true })
        }
      })
    } else {
      test('model process killed: the same output', async () => {
        const at_commits = points(baseline.commits)
        assert.equal(at_commits.length, POINTS, `${baseline.commits} commits are too few for ${POINTS} points`)
        for (const at of at_commits) {
          const { data, ledger } = fresh()
          const outcome = outcomeOf(await runProgram(data, ledger, kind, [String(at), 'model']))
          assert.ok(struck(data) > 0, `a process of the model was killed at commit ${at}`)
          assert.deepEqual(outcome.output, baseline.output, `output after a kill at commit ${at}`)
          assert.ok(
            [...started(ledger).values()].every((n) => n === 1),
            'the other agents were left alone',
          )
          rmSync(data, { recursive: true, force: true })
        }
      })
    }
  })
}
