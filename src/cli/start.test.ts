import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Configuration } from '../configuration/configuration.ts'
import { fail, ok } from '../failure.ts'
import type { StartQuorate } from './command-context.ts'
import { plainPaint } from './format.ts'
import { commandLine } from './stand-ins.ts'
import { logLine, progressText } from './start.ts'

/** A program that does nothing; what happens to it is kept. */
function standInProgram({ on_start = () => {} }: { on_start?: (options: Parameters<StartQuorate>[1]) => void } = {}) {
  const seen = { configuration: null as Configuration | null, closes: 0, end: () => {} }
  const closed = new Promise<void>((resolve) => {
    seen.end = resolve
  })
  const startQuorate: StartQuorate = (configuration, options) => {
    seen.configuration = configuration
    on_start(options)
    const close = () => {
      seen.closes += 1
      seen.end()
      return closed
    }
    return Promise.resolve(ok({ summary: ['ready at http://127.0.0.1:9000'], close, closed }))
  }
  return { seen, load_program: () => Promise.resolve({ startQuorate }) }
}

test('flags reach the program; Ctrl-C closes it once, in order, and ends with 0', async () => {
  const { seen, load_program } = standInProgram()
  const line = commandLine({ load_program, environment: { QUORATE_PROT: '1' } })
  const ended = line.run('start', '--port', '9000', '--data', '/data', '--log-level', 'warn')
  while (line.printed.out.length === 0) await new Promise(setImmediate)
  line.interrupt()
  assert.equal(await ended, 0)
  assert.equal(seen.closes, 1)
  assert.deepEqual(
    [seen.configuration?.port, seen.configuration?.data_dir, seen.configuration?.log_level],
    [9000, '/data', 'warn'],
  )
  assert.deepEqual(line.printed.out, ['ready at http://127.0.0.1:9000'])
  assert.match(line.printed.err[0] ?? '', /^warning .*QUORATE_PROT/)
  assert.deepEqual(line.printed.err.slice(1), ['Stopping (Ctrl-C); once more stops at once …', 'Stopped.'])
  assert.equal(line.printed.exited, null)
})

test('a second Ctrl-C does not wait', async () => {
  const never = new Promise<void>(() => {})
  const line = commandLine({
    load_program: () =>
      Promise.resolve({
        startQuorate: () => Promise.resolve(ok({ summary: ['up'], close: () => never, closed: never })),
      }),
  })
  void line.run('start')
  while (line.printed.out.length === 0) await new Promise(setImmediate)
  line.interrupt()
  line.interrupt()
  assert.equal(line.printed.exited, 130)
})

test('Ctrl-C while it starts closes it as soon as it has started', async () => {
  let line: ReturnType<typeof commandLine> | undefined
  const { seen, load_program } = standInProgram({ on_start: () => line?.interrupt() })
  line = commandLine({ load_program })
  assert.equal(await line.run('start'), 0)
  assert.equal(seen.closes, 1)
  assert.deepEqual(line.printed.out, [])
})

test('a program that ends by itself is a failure', async () => {
  const { seen, load_program } = standInProgram()
  const line = commandLine({ load_program })
  const ended = line.run('start')
  while (line.printed.out.length === 0) await new Promise(setImmediate)
  seen.end()
  assert.equal(await ended, 1)
})

test('what keeps it from starting is told', async () => {
  const refused = () => Promise.resolve(fail('conflict', 'a Quorate runs already', { remedy: 'use that one' }))
  const line = commandLine({ load_program: () => Promise.resolve({ startQuorate: refused }) })
  assert.equal(await line.run('start'), 1)
  assert.deepEqual(line.printed.err, ['error a Quorate runs already', '  → use that one'])
})

test('a wrong configuration never loads the program', async () => {
  const line = commandLine()
  assert.equal(await line.run('start', '--port', 'many'), 64)
  assert.match(line.printed.err.join('\n'), /--port.*\n.*many\n.*65535/)
})

test('progress and logs: drawn over on a terminal, JSON for scripts', async () => {
  const on_start: NonNullable<Parameters<typeof standInProgram>[0]>['on_start'] = ({ logger, progress }) => {
    progress({ what: 'SmolLM2', received: 47_000_000, total: 94_000_000 })
    logger.warn({ host: 'lab' }, 'does not answer')
    progress({ what: 'SmolLM2', received: 94_000_000, total: 94_000_000 })
  }
  for (const [argv, interactive] of [
    [['start'], true],
    [['start', '--json'], false],
  ] as const) {
    const line = commandLine({ load_program: standInProgram({ on_start }).load_program, interactive })
    const ended = line.run(...argv)
    while (line.printed.out.length === 0) await new Promise(setImmediate)
    line.interrupt('SIGTERM')
    assert.equal(await ended, 0)
    if (interactive) {
      assert.match(line.printed.drawn, /SmolLM2 \[#{10}\.{10}\] 50 % of 94 MB/)
      assert.match(line.printed.err[0] ?? '', /^\d\d:\d\d:\d\d warn does not answer host=lab$/)
    } else {
      const said = line.printed.err.map((text) => JSON.parse(text) as { event?: string; msg?: string })
      assert.deepEqual(
        said.map(({ event, msg }) => event ?? msg),
        ['progress', 'does not answer', 'progress', 'note', 'note'],
      )
      assert.deepEqual(JSON.parse(line.printed.out[0] ?? ''), {
        event: 'started',
        summary: ['ready at http://127.0.0.1:9000'],
      })
    }
  }
})

test('a log record for people', () => {
  assert.equal(
    logLine(plainPaint, '{"level":50,"time":0,"run":"r1","n":[1],"msg":"bad\\u001b[2J thing"}\n'),
    '00:00:00 error bad thing run=r1 n=[1]',
  )
})

test('a download whose size nobody knows', () =>
  assert.equal(progressText({ what: 'x', received: 5_000_000, total: null }), 'x: 5 MB'))
