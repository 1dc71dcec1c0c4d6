import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { existsSync, readdirSync, readFileSync, realpathSync } from 'node:fs'
import { chmod, mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { fail, ok } from '../../failure.ts'
import { conforms, exampleTask, failed, performed, SECRET } from '../agent-system.conformance.ts'
import type { AgentSystemContext, AgentTask, Progress } from '../agent-system.ts'
import { command } from './command.ts'
import { hasProc } from './process-tree.ts'

const node = process.execPath
const script = (code: string, more: object = {}) => ({ settings: { command: [node, '-e', code], ...more } })
const shell = (code: string, more: object = {}) => ({ settings: { command: ['sh', '-c', code], ...more } })

/** Waits until the command has told the ids of its processes, one a line. */
async function pidsTold(progress: () => Progress[], count: number): Promise<number[]> {
  const deadline = AbortSignal.timeout(10_000)
  for (;;) {
    const told = progress().flatMap(({ text }) => (text ?? '').split('\n').map(Number))
    if (told.length >= count) return told
    deadline.throwIfAborted()
    await new Promise((resolve) => setImmediate(resolve))
  }
}

/** A zombie is dead: it only waits for a parent that looks. */
function isAlive(pid: number): boolean {
  if (hasProc) {
    const stat = existsSync(`/proc/${pid}/stat`) ? readFileSync(`/proc/${pid}/stat`, 'latin1') : ') X'
    return !/^[ZX]/.test(stat.slice(stat.lastIndexOf(')') + 2))
  }
  try {
    return process.kill(pid, 0)
  } catch {
    return false
  }
}

const linux = hasProc ? {} : { skip: 'without /proc only the process group is known' }

conforms(command, {
  succeeds: () => ({ ...shell('printf "Grüße\\n"'), output: 'Grüße' }),
  tokens_unknown: () => shell('true'),
  tokens_known: { cannot: 'a command has no agreed way to report tokens' },
  schema_kept: () => ({
    ...shell('echo "[1,2]"', { output: 'json' }),
    task: { output_schema: { type: 'array' } },
    output: [1, 2],
  }),
  schema_broken: () => ({ ...shell('echo "[1,2]"', { output: 'json' }), task: { output_schema: { type: 'object' } } }),
  endless: () => {
    let pids: number[] = []
    return {
      // Two in its own group, one in a session of its own, and a child of that one.
      ...shell('sleep 300 & echo $!; setsid sh -c "sleep 301 & echo \\$!; echo \\$\\$; wait" & echo $$; wait'),
      started: async (progress: () => Progress[]) => {
        pids = await pidsTold(progress, 4)
        assert.ok(pids.every(isAlive))
      },
      ended: () => pids.length >= 4 && !pids.some(isAlive),
    }
  },
  own_time_out: () => shell('sleep 300', { limits: { time: '100ms' } }),
  unreachable: () => ({ settings: { command: ['no-such-program-0451'] } }),
  garbage: () => script('process.stdout.write(Buffer.from([0, 255, 254, 1, 128]))', { output: 'json' }),
  too_large: () => shell('yes', { limits: { output_bytes: 100_000 } }),
  tells_secret: [
    () => ({ ...shell('echo "key=$TOKEN"; env', { env: { TOKEN: 'env:TOKEN' } }), outcome: 'succeeds' as const }),
    () => ({
      ...shell('echo "{\\"$TOKEN\\":[\\"$TOKEN\\"]}"', { env: { TOKEN: 'env:TOKEN' }, output: 'json' }),
      outcome: 'succeeds' as const,
    }),
    () => ({ ...shell('env >&2; exit 1', { env: { TOKEN: 'env:TOKEN' } }), outcome: 'fails' as const }),
    () => ({
      ...shell('printf "%0110d%s" 0 "$TOKEN"', { env: { TOKEN: 'env:TOKEN' }, output: 'json' }),
      outcome: 'fails' as const,
    }),
    () => ({ ...shell('sleep 300', { env: { PATH: 'env:TOKEN' } }), outcome: 'fails' as const }),
  ],
  secret_missing: () => shell('true', { env: { TOKEN: 'env:NOWHERE' } }),
  odd_input: () => ({ settings: { command: ['cat'], limits: { output_bytes: 20_000_000 } } }),
  concurrent: () => ({
    settings: {
      command: ['sh', '-c', 'pwd > here; cat here > there; printf %s "$1"', 'sh', '{n}'],
      args_from_input: { n: {} },
      input: 'none',
    },
    taskOf: (n) => ({ input: { n } }),
    outputOf: (n) => String(n),
  }),
  healthy: () => shell('true'),
  unhealthy: () => ({ settings: { command: ['no-such-program-0451'] } }),
})

let work_dir = ''
before(async () => {
  work_dir = realpathSync(await mkdtemp(join(tmpdir(), 'command-')))
})
after(() => rm(work_dir, { recursive: true, force: true }))

type Options = {
  task?: Partial<AgentTask>
  context?: Partial<AgentSystemContext>
  signal?: AbortSignal
  progress?: (progress: Progress) => void
}

async function call(settings: object, { task, context, signal, progress = () => {} }: Options = {}) {
  const secret = (reference: string) => (reference === 'env:TOKEN' ? ok(SECRET) : fail('invalid_input', 'not set'))
  const opened = command.open(command.settings.parse(settings), { work_dir, secret, ...context } as AgentSystemContext)
  assert.ok(opened.ok)
  return opened.value.perform(exampleTask(task), { signal: signal ?? new AbortController().signal, progress })
}
const folders = () => (existsSync(join(work_dir, 'tasks')) ? readdirSync(join(work_dir, 'tasks')) : [])

test('no shell reads the arguments, and a value stays one argument', async () => {
  const value = '$(touch x) `id` ; | & "a b" \'c\' * ?\n\\ {other}'
  const settings = {
    command: ['printf', '%s|', 'a b', '--x={text}', '{other}', '{task.goal}'],
    args_from_input: { text: {}, 'task.goal': {} },
    input: 'none',
  }
  const { output } = performed(await call(settings, { task: { input: { text: value } } }))
  assert.equal(output, `a b|--x=${value}|{other}|Know more|`)
})

test('a value cannot become an option unless that is declared', async () => {
  const settings = (args_from_input: object) => ({
    command: ['printf', '%s', '{text}'],
    args_from_input,
    input: 'none',
  })
  const failure = failed(await call(settings({ text: {} }), { task: { input: { text: '--help' } } }), ['invalid_input'])
  assert.equal(failure.field, 'input.text')
  performed(await call(settings({ text: { may_begin_with_dash: true } }), { task: { input: { text: '-x' } } }))
  failed(await call(settings({ text: {} }), { task: { input: {} } }), ['invalid_input'])
  failed(await call(settings({ text: {} }), { task: { input: { text: 'a\0b' } } }), ['invalid_input'])
  failed(await call(settings({ text: {} }), { task: { input: { text: 'x'.repeat(1_000_000) } } }), ['too_large'])
})

test('arguments that are too long together are too_large', async () => {
  const names = Array.from({ length: 40 }, (_, n) => `n${n}`)
  const settings = {
    command: ['true', ...names.map((name) => `{${name}}`)],
    args_from_input: Object.fromEntries(names.map((n) => [n, {}])),
    input: 'none',
  }
  const input = Object.fromEntries(names.map((name) => [name, 'x'.repeat(100_000)]))
  failed(await call(settings, { task: { input } }), ['too_large'])
})

test('settings name what is wrong', () => {
  const wrong = [
    [{ command: [] }, /command/],
    [{ command: 'ls -l' }, /command/],
    [{ command: ['{x}'], args_from_input: { x: {} } }, /program itself/],
    [{ command: ['ls'], args_from_input: { x: {} } }, /no argument contains \{x\}/],
    [{ command: ['ls', 'a\0b'] }, /NUL/],
    [{ command: ['ls'], env: { QUORATE_TASK_FOLDER: '/' } }, /QUORATE_/],
    [{ command: ['ls'], work_folder: 'here' }, /absolute/],
    [{ command: ['ls'], limits: { time: '0s' } }, /1ms/],
    [{ command: ['ls'], limits: { memory: 1 } }, /memory/],
  ] as const
  for (const [settings, says] of wrong)
    assert.match(command.settings.safeParse(settings).error?.message ?? 'accepted', says)
})

test('the task arrives on standard input, or as files, or not at all', async () => {
  const whole = performed(await call({ command: ['cat'], output: 'json' })).output as { [name: string]: unknown }
  assert.equal(whole.instructions, 'Read the text.')
  assert.deepEqual(whole.input, { text: 'Grüße' })
  const files = {
    ...shell('cat input/text.txt input/list.json; ls "$QUORATE_TASK_FOLDER"').settings,
    input: 'files',
    output: 'lines',
  }
  assert.deepEqual(performed(await call(files, { task: { input: { text: 'a\n', list: [1] } } })).output, [
    'a',
    '[1]input',
    'task.json',
  ])
  failed(await call(files, { task: { input: { '../../x': 'evil' } } }), ['invalid_input'])
  assert.equal(performed(await call({ command: ['cat'], input: 'none' })).output, '')
})

test('a command that does not read its input is none the worse for it', async () => {
  const input = { text: 'x'.repeat(5_000_000) }
  assert.equal(performed(await call(shell('exec <&-; echo done').settings, { task: { input } })).output, 'done')
})

test('its environment is what the settings say and a plain one of its own', async () => {
  const { output } = performed(
    await call({ command: ['env'], input: 'none', output: 'lines', env: { A: 'b', LANG: 'C' } }),
  )
  const names = (output as string[]).map((line) => line.split('=')[0]).sort()
  assert.deepEqual(names, ['A', 'HOME', 'LANG', 'PATH', 'QUORATE_TASK_FOLDER', 'TMPDIR'])
  assert.ok((output as string[]).includes('LANG=C'))
})

test('a failure tells the exit code, the signal and the end of what was said', async () => {
  const failure = failed(await call(shell('seq 100000 >&2; echo the end >&2; exit 3').settings), ['agent_failed'])
  assert.match(failure.message, /exited with 3; it said: .*the end$/s)
  assert.ok(failure.message.length < 1_200)
  assert.match(failed(await call(shell('kill -SEGV $$').settings), ['agent_failed']).message, /SIGSEGV/)
  assert.equal(performed(await call({ ...shell('echo x; exit 1').settings, ok_exit_codes: [0, 1] })).output, 'x')
})

test('what cannot be started says why and what to do', async () => {
  const plain = join(work_dir, 'plain')
  await writeFile(plain, 'no program')
  const wrong = [
    ['no-such-program-0451', /was not found/, /PATH/],
    ['/no/such/program', /was not found/, /path/],
    [work_dir, /not a file/, /folder/],
    [plain, /not executable/, /chmod/],
  ] as const
  for (const [program, says, remedy] of wrong) {
    const failure = failed(await call({ command: [program] }), ['unavailable'])
    assert.match(failure.message, says)
    assert.match(failure.remedy ?? '', remedy)
  }
  await writeFile(plain, '#!/no/such/interpreter\n')
  await chmod(plain, 0o755)
  assert.match(failed(await call({ command: [plain] }), ['unavailable']).remedy ?? '', /#!/)
})

test('a fresh folder is empty, is removed after success, and kept after failure until the next attempt', async () => {
  const before = folders().length
  const settings = (code: number) => shell(`ls; echo x > left; exit ${code}`).settings
  const task = { effect_key: 'fresh' }
  failed(await call(settings(1), { task }), ['agent_failed'])
  assert.equal(folders().length, before + 1)
  assert.equal(performed(await call(settings(0), { task })).output, '')
  assert.equal(folders().length, before)
})

test('a folder of the person is used when it is allowed, and left alone', async () => {
  const mine = join(work_dir, 'mine')
  await mkdir(join(mine, 'below'), { recursive: true })
  await symlink('/', join(mine, 'root'))
  const at = (work_folder: string) => ({ ...shell('pwd; echo x > kept').settings, work_folder, input: 'none' })
  const context = { work_folders: [mine] }
  assert.equal(performed(await call(at(join(mine, 'below')), { context })).output, join(mine, 'below'))
  assert.ok(existsSync(join(mine, 'below', 'kept')))
  failed(await call(at(mine)), ['refused'])
  failed(await call(at(join(mine, '..')), { context }), ['refused'])
  failed(await call(at(join(mine, 'root', 'etc')), { context }), ['refused'])
  failed(await call(at(join(mine, 'nowhere')), { context }), ['unavailable'])
  failed(await call(at(join(mine, 'below', 'kept')), { context }), ['unavailable'])
  const late = { ...at(mine), ...shell('sleep 300').settings, limits: { time: '100ms' } }
  failed(await call(late, { context }), ['effect_unknown'])
})

test('the effect follows the folder', () => {
  const effect = (settings: object) => command.effect(command.settings.parse({ command: ['ls'], ...settings }))
  assert.equal(effect({}), 'repeatable')
  assert.equal(effect({ work_folder: '/srv' }), 'unsafe')
  assert.equal(effect({ work_folder: '/srv', effect: 'none' }), 'none')
})

test('what stays in the background is ended with the command', linux, async () => {
  const background = shell(
    'setsid sh -c "echo \\$\\$; touch apart; exec sleep 300" & while [ ! -e apart ]; do sleep 0.02; done; sleep 301 & echo $!',
  ).settings
  const { output } = performed(await call(background))
  const pids = String(output).split('\n').map(Number)
  assert.equal(pids.length, 2)
  assert.ok(!pids.some(isAlive))
})

test('a tree that ignores SIGTERM is killed', linux, async () => {
  const cancel = new AbortController()
  const told: Progress[] = []
  const stubborn = shell(
    'trap "" TERM; (trap "" TERM; while :; do sleep 0.2; done) & echo $!; echo $$; while :; do sleep 0.2; done',
  ).settings
  const performing = call(stubborn, { signal: cancel.signal, progress: (one) => void told.push(one) })
  const pids = await pidsTold(() => told, 2)
  cancel.abort()
  failed(await performing, ['cancelled'])
  assert.ok(!pids.some(isAlive))
})

test('a tree that takes more memory than allowed is killed', linux, async () => {
  const eat = 'const a=[]; setInterval(() => a.push(Buffer.alloc(20e6, 1)), 20)'
  const settings = { ...shell(`"${node}" -e '${eat}' & wait`).settings, limits: { memory_mb: 200, time: '30s' } }
  const failure = failed(await call(settings), ['limit_exceeded'])
  assert.equal(failure.field, 'settings.limits.memory_mb')
})

test('what a killed manager left of the same task is ended before it is repeated', linux, async () => {
  const task = { effect_key: 'twice' }
  const first = new AbortController()
  const told: Progress[] = []
  const performing = call(shell('echo $QUORATE_TASK_FOLDER; sleep 300').settings, {
    task,
    signal: first.signal,
    progress: (one) => void told.push(one),
  })
  const deadline = AbortSignal.timeout(10_000)
  while (told.length === 0) {
    deadline.throwIfAborted()
    await new Promise((resolve) => setImmediate(resolve))
  }
  const folder = told[0]?.text ?? assert.fail()
  first.abort()
  failed(await performing, ['cancelled'])
  // Stands in for the orphan: it has the mark of the task, and nobody here knows its id.
  const orphan = spawn('sleep', ['300'], {
    detached: true,
    env: { PATH: '/usr/bin:/bin', QUORATE_TASK_FOLDER: folder },
    stdio: 'ignore',
  })
  const pid = orphan.pid ?? assert.fail()
  assert.ok(isAlive(pid))
  const look = shell(`kill -0 ${pid} 2>/dev/null && echo beside it || echo alone`).settings
  assert.equal(performed(await call(look, { task })).output, 'alone')
  assert.ok(!isAlive(pid))
})

test('two executions of one task at the same time have folders of their own', async () => {
  const task = { effect_key: 'both' }
  const settings = { ...shell('pwd').settings, input: 'none' }
  const [a, b] = await Promise.all([call(settings, { task }), call(settings, { task })])
  assert.notEqual(performed(a ?? assert.fail()).output, performed(b ?? assert.fail()).output)
})

test('output that is large but allowed arrives whole', async () => {
  const { output } = performed(
    await call({
      ...shell('seq 1 200000').settings,
      input: 'none',
      output: 'lines',
      limits: { output_bytes: 5_000_000 },
    }),
  )
  assert.equal((output as string[]).length, 200_000)
  assert.equal((output as string[]).at(-1), '200000')
})
