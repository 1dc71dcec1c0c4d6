/** A program on this machine as an agent: started without a shell, in a folder of its own, within limits. */
import { dirname, isAbsolute } from 'node:path'
import { StringDecoder } from 'node:string_decoder'
import { z } from 'zod'
import { secretReference } from '../../agents/agent.ts'
import { honourSchema } from '../../agents/honour-schema.ts'
import { parseJson } from '../../agents/parse-json.ts'
import { excerpt, fail, ok, type Result } from '../../failure.ts'
import { effectClass } from '../../workflow/definition.ts'
import { duration, durationText, milliseconds } from '../../workflow/duration.ts'
import type { Json } from '../../workflow/value.ts'
import type {
  AgentSystem,
  AgentSystemContext,
  AgentTask,
  Health,
  ModelAccess,
  PerformContext,
  Performed,
} from '../agent-system.ts'
import { contain } from '../contain.ts'
import { type HideSecrets, hideSecrets } from '../hide-secrets.ts'
import { interrupted } from '../interrupted.ts'
import { accessFor, accessProblem, fillAccess, namesAccess } from '../model-access.ts'
import { argumentsFrom, placeholders, placeholdersIn } from './arguments.ts'
import { allowedFolder, locateProgram } from './locate.ts'
import { endTree, hasProc } from './process-tree.ts'
import { type Ended, runCommand, type Stopped } from './run-command.ts'
import { claimFolder, makeFolder, type TaskFolder, taskDocument, writeInput } from './task-folder.ts'

/** Tells a command where its folder is, and marks all processes that it starts. */
const FOLDER_VARIABLE = 'QUORATE_TASK_FOLDER'
const PATH = [
  dirname(process.execPath),
  '/usr/local/bin',
  '/usr/bin',
  '/bin',
  '/usr/local/sbin',
  '/usr/sbin',
  '/sbin',
  '/opt/homebrew/bin',
].join(':')

/** Characters of one report of progress: of a burst, its end. */
const LONGEST_REPORT = 2_000

const noNul = (text: string) => !text.includes('\0')

const settings = z
  .strictObject({
    command: z
      .array(z.string().max(100_000).refine(noNul, 'no NUL character'))
      .min(1)
      .max(500)
      .refine((list) => list[0] !== '', 'the first entry names the program')
      .meta({
        description: 'Program and arguments, one entry each; no shell reads them',
        examples: [['wc', '-l', '{file}']],
      }),
    args_from_input: placeholders.default({}),
    input: z.enum(['stdin', 'files', 'none']).default('stdin').meta({
      description:
        'stdin: the task as one JSON document; files: task.json and input/* in its folder ($QUORATE_TASK_FOLDER)',
    }),
    output: z.enum(['text', 'json', 'lines']).default('text'),
    env: z
      .record(
        z
          .string()
          .regex(/^[A-Za-z_][A-Za-z0-9_]{0,199}$/)
          .refine((name) => !name.startsWith('QUORATE_'), 'QUORATE_ names are taken'),
        z
          .string()
          .max(100_000)
          .refine(noNul, 'no NUL character')
          .superRefine((text, context) => {
            const problem = accessProblem(text)
            if (problem) context.addIssue({ code: 'custom', message: problem })
          }),
      )
      .default({})
      .meta({
        description:
          'Its whole environment besides a plain PATH, HOME, TMPDIR and LANG; env:NAME and file:PATH refer to secrets, {{gateway.key}}, {{gateway.openai_url}} and {{gateway.ollama_url}} give access to the models',
      }),
    work_folder: z
      .string()
      .refine((folder) => folder === 'fresh' || isAbsolute(folder), 'fresh, or an absolute path')
      .default('fresh'),
    limits: z
      .strictObject({
        time: duration
          .refine((text) => milliseconds(text) > 0 && milliseconds(text) < 2 ** 31, 'between 1ms and 24d')
          .default('10m'),
        output_bytes: z.int().min(1).max(100_000_000).default(1_000_000),
        memory_mb: z
          .int()
          .min(1)
          .max(1_000_000)
          .optional()
          .meta({ description: 'Resident memory of all its processes, looked at five times a second' }),
      })
      .prefault({}),
    ok_exit_codes: z.array(z.int().min(0).max(255)).min(1).max(256).default([0]),
    effect: effectClass.optional(),
  })
  .superRefine(({ command: [program = '', ...args], args_from_input }, context) => {
    const used = args.flatMap(placeholdersIn)
    for (const name of Object.keys(args_from_input)) {
      if (placeholdersIn(program).includes(name))
        context.addIssue({ code: 'custom', path: ['command', 0], message: 'the program itself cannot come from input' })
      else if (!used.includes(name))
        context.addIssue({ code: 'custom', path: ['args_from_input', name], message: `no argument contains {${name}}` })
    }
  })
export type CommandSettings = z.infer<typeof settings>

const effectOf = ({ effect, work_folder }: CommandSettings) =>
  effect ?? (work_folder === 'fresh' ? 'repeatable' : 'unsafe')

export const command: AgentSystem<CommandSettings> = {
  contract: 'agent-system-v1',
  name: 'command',
  title: 'A command on this machine',
  settings,
  effect: effectOf,
  quick: false,
  open: (options, context) => {
    if (options.limits.memory_mb !== undefined && !hasProc) {
      return fail('unsupported', 'memory cannot be limited here: this system has no /proc', {
        field: 'settings.limits.memory_mb',
        remedy: 'leave it out, or run on Linux',
      })
    }
    return ok({
      host: 'command',
      check: () => check(options, context),
      ...(Object.values(options.env).some(namesAccess) && { model: () => null }),
      perform: (task, during) => contain(() => perform(options, context, task, during)),
      close: async () => {},
    })
  },
}

async function check(options: CommandSettings, context: AgentSystemContext): Promise<Health> {
  const ready = await prepare(options, context, context.work_dir, null)
  return ready.ok
    ? { ok: true, detail: `${ready.value.program} is ready` }
    : { ok: false, detail: ready.failure.message }
}

type Ready = { program: string; folder: string; env: { [name: string]: string }; hide: HideSecrets }

/** All that has to be there before the command can start. */
async function prepare(
  { command, env, work_folder }: CommandSettings,
  context: AgentSystemContext,
  own: string,
  access: ModelAccess | null,
): Promise<Result<Ready>> {
  const folder = work_folder === 'fresh' ? ok(own) : await allowedFolder(work_folder, context.work_folders ?? [])
  if (!folder.ok) return folder
  const given: { [name: string]: string } = {}
  const secrets: string[] = access === null ? [] : [access.key]
  for (const [name, value] of Object.entries(env)) {
    const resolved = secretReference.safeParse(value).success ? context.secret(value) : null
    if (resolved && !resolved.ok) return { ok: false, failure: { ...resolved.failure, field: `settings.env.${name}` } }
    if (resolved && !noNul(resolved.value)) {
      return fail('invalid_input', 'a secret with a NUL character cannot be in an environment', {
        field: `settings.env.${name}`,
      })
    }
    given[name] = resolved?.value ?? (access === null ? value : fillAccess(value, access))
    if (resolved) secrets.push(resolved.value)
  }
  const whole = { PATH, HOME: own, TMPDIR: own, LANG: 'C.UTF-8', ...given, [FOLDER_VARIABLE]: own }
  const program = await locateProgram(command[0] ?? '', whole.PATH, folder.value)
  return program.ok
    ? ok({ program: program.value, folder: folder.value, env: whole, hide: hideSecrets(secrets) })
    : program
}

async function perform(
  options: CommandSettings,
  context: AgentSystemContext,
  task: AgentTask,
  during: PerformContext,
): Promise<Result<Performed>> {
  if (during.signal.aborted) return interrupted(during.signal)
  const args = argumentsFrom(options.command.slice(1), options.args_from_input, task)
  if (!args.ok) return args
  const own = claimFolder(context.work_dir, task)
  try {
    const done = await performIn(own, options, context, task, args.value, during)
    // What a failed attempt left behind stays to be looked at, until the next attempt; so does what cannot be removed.
    if (done.ok) await own.remove().catch(() => {})
    return done
  } finally {
    own.release()
  }
}

async function performIn(
  own: TaskFolder,
  options: CommandSettings,
  context: AgentSystemContext,
  task: AgentTask,
  args: string[],
  during: PerformContext,
): Promise<Result<Performed>> {
  const { signal, progress } = during
  const mark = `${FOLDER_VARIABLE}=${own.path}`
  // A manager that was killed may have left this very task running; its repetition must not meet it in the same folder.
  await endTree({ root: null, mark }, 0)
  await makeFolder(own)
  // Its calls begin when it runs: by then its secrets are known.
  let hidden = (text: string): string => text
  const access = await accessFor(Object.values(options.env), during, (text) => hidden(text))
  if (!access.ok) return access
  const ready = await prepare(options, context, own.path, access.value)
  if (!ready.ok) return ready
  const { program, folder, env, hide } = ready.value
  hidden = hide.text
  const written = options.input === 'files' ? await writeInput(own, task) : null
  if (written && !written.ok) return written

  const { time, output_bytes, memory_mb } = options.limits
  const limits = {
    time_ms: milliseconds(time),
    output_bytes,
    memory_bytes: memory_mb === undefined ? null : memory_mb * 2 ** 20,
  }
  const stdin = options.input === 'stdin' ? taskDocument(task) : null
  const report = lineReporter((text) =>
    progress({ kind: 'output', text: hide.text(text).slice(-LONGEST_REPORT).toWellFormed() }),
  )
  const ended = await runCommand({ program, args, folder, env, mark, stdin, limits }, signal, report)
  const failure = failureOf(ended, options, hide, signal)
  if (failure) return failure
  const output = ended.how === 'exited' ? outputOf(ended.output, options.output, hide) : ok(null)
  const checked = output.ok ? honourSchema(task.output_schema, output.value) : output
  return checked.ok
    ? ok({ output: checked.value, usage: { input_tokens: null, output_tokens: null, calls: 1 }, model: null })
    : checked
}

function failureOf(
  ended: Ended,
  options: CommandSettings,
  hide: HideSecrets,
  signal: AbortSignal,
): Result<never> | null {
  const name = excerpt(options.command[0])
  if (ended.how === 'not_started') {
    const { code, message } = ended.error
    if (code === 'E2BIG') {
      return fail('too_large', `${name} cannot be started: its arguments are too long`, {
        remedy: 'hand the values over with input: stdin or input: files',
      })
    }
    return fail('unavailable', `${name} cannot be started: ${excerpt(hide.text(message))}`, {
      field: 'settings.command',
      remedy: 'start it by hand; of a script, look at the program that its first line (#!) names',
    })
  }
  const errors = hide.text(ended.errors).trim().slice(-1_000).toWellFormed()
  const said = errors ? `; it said: ${errors}` : ''
  if (ended.how === 'stopped') return stopped(ended.why, options, name, said, signal)
  if (ended.signal !== null) return fail('agent_failed', `${name} was ended by ${ended.signal}${said}`)
  if (ended.code === null || !options.ok_exit_codes.includes(ended.code)) {
    return fail('agent_failed', `${name} exited with ${ended.code}${said}`, { value: String(ended.code) })
  }
  return null
}

function stopped(
  why: Stopped,
  options: CommandSettings,
  name: string,
  said: string,
  signal: AbortSignal,
): Result<never> {
  const { time, output_bytes, memory_mb } = options.limits
  if (why === 'aborted') return interrupted(signal)
  if (why === 'time') {
    const taken = `${name} was ended after ${durationText(milliseconds(time))}${said}`
    // Ended half-way in a folder that outlives it: what it has done by then, only a person can tell.
    if (effectOf(options) === 'unsafe')
      return fail('effect_unknown', taken, { field: 'settings.limits.time', remedy: 'look at its work folder' })
    return fail('timeout', taken, { field: 'settings.limits.time', remedy: 'raise limits.time' })
  }
  const [limit, field] =
    why === 'output' ? [`${output_bytes} bytes of output`, 'output_bytes'] : [`${memory_mb} MB of memory`, 'memory_mb']
  return fail('limit_exceeded', `${name} was ended: more than ${limit}${said}`, {
    field: `settings.limits.${field}`,
    remedy: `raise limits.${field}`,
  })
}

function outputOf(bytes: Buffer, kind: CommandSettings['output'], hide: HideSecrets): Result<Json> {
  if (kind === 'json') {
    const raw = bytes.toString('utf8')
    const parsed = parseJson(raw)
    // A failure quotes a part of the text; it must not be half a secret, so the whole is cleaned before it is cut.
    return parsed.ok ? ok(hide.value(parsed.value)) : parseJson(hide.text(raw))
  }
  const text = hide.text(bytes.toString('utf8')).replace(/\r?\n$/, '')
  if (kind === 'text') return ok(text)
  return ok(text === '' ? [] : text.split(/\r?\n/))
}

/** Hands on whole lines, so that a secret is never divided between two reports. */
function lineReporter(report: (text: string) => void): (chunk: Buffer) => void {
  const decoder = new StringDecoder('utf8')
  let line = ''
  return (chunk) => {
    const text = decoder.write(chunk)
    const end = text.lastIndexOf('\n')
    if (end >= 0) report(line + text.slice(0, end))
    line = end < 0 ? line + text : text.slice(end + 1)
  }
}
