/**
 * What a durable task costs, beside a bare `ctx.run` on the same engine in the same run.
 *
 * What is measured: whole runs through the product with nothing switched off: registry, choice of agent, admission,
 * breaker, effect class, events in the database (full sync). The agent is a function that returns 200 bytes.
 * What is not: HTTP, planning, models. Bare: a handler that awaits one `ctx.run` after the other, or all side by side.
 * The output of every run is checked. `npm run bench -- peers` compares with other systems too, each in its own process.
 *
 * Usage: npm run bench -- durable-tasks [rounds]
 */
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { openBareRestate } from './peers/bare-restate.ts'
import { openQuorate } from './peers/quorate.ts'
import { createSteps, type Steps, type System } from './peers/system.ts'

const ROUNDS = Number(process.argv[2] ?? 3)
const root = mkdtempSync(join(tmpdir(), 'quorate-bench-'))

const median = (values: number[]): number =>
  [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN
const gaps = (at: number[]): number[] => at.slice(1).map((value, i) => value - (at[i] ?? value))

function open(name: string, system: (folder: string, steps: Steps) => Promise<System>): Promise<System> {
  mkdirSync(join(root, name))
  return system(join(root, name), createSteps(null))
}

const subjects = { 'bare Restate': await open('bare', openBareRestate), Quorate: await open('product', openQuorate) }
const rows: Record<string, Record<string, number[]>> = {}
const note = (what: string, who: string, value: number): void => {
  rows[what] ??= {}
  rows[what][who] = [...(rows[what][who] ?? []), value]
}
for (let round = -1; round < ROUNDS; round++) {
  for (const [who, subject] of Object.entries(subjects)) {
    const sequence = gaps(await subject.sequence(200, 0))
    const many = (200 * 20) / (await subject.many(200, 20))
    const fan = await subject.fan(500)
    const long = gaps(await subject.sequence(2_000, 0))
    if (round < 0) continue // the first round warms both up
    note('200 tasks in a row, ms each (p50)', who, median(sequence))
    note('200 runs x 20 tasks, tasks/s', who, many)
    note('500 parallel tasks and a join, ms', who, fan)
    note('2,000 in a row: last 200 over first 200 (p50)', who, median(long.slice(-200)) / median(long.slice(0, 200)))
  }
}
console.log(
  `\nMedian of ${ROUNDS} interleaved rounds after one to warm up; Node ${process.version}, ${new Date().toISOString().slice(0, 10)}\n`,
)
console.log(
  `| what | ${Object.keys(subjects).join(' | ')} | ratio |\n| --- | ${Object.keys(subjects)
    .map(() => '---')
    .join(' | ')} | --- |`,
)
for (const [what, row] of Object.entries(rows)) {
  const [a, b] = Object.keys(subjects).map((who) => median(row[who] ?? []))
  console.log(`| ${what} | ${(a ?? 0).toFixed(2)} | ${(b ?? 0).toFixed(2)} | ${((b ?? 0) / (a ?? 1)).toFixed(2)} |`)
}
for (const subject of Object.values(subjects)) await subject.close()
rmSync(root, { recursive: true, force: true })
