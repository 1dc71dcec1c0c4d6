/** `quorate run`: a goal or a definition, watched to its end. */
import { extname } from 'node:path'
import { Command } from 'commander'
import { parse as parseYaml } from 'yaml'
import { fail, ok, type Result } from '../failure.ts'
import { get_definition } from '../operations/get_definition.ts'
import type { Json } from '../workflow/value.ts'
import type { Client } from './client.ts'
import { type Act, type CommandContext, failed, printJson } from './command-context.ts'
import { type ExitCode, exitCodes } from './exit-codes.ts'
import { painted, span, tokens } from './format.ts'
import { LARGEST_DEFINITION_BYTES, reader } from './read-file.ts'
import { type DeclaredTypes, parseInputs } from './run-inputs.ts'
import { resultLines } from './run-report.ts'
import { clientFor } from './server-address.ts'
import { watchRun } from './watch-run.ts'

type Options = { input: string[]; goal?: string; definition?: string; json?: true; wait: boolean; server?: string }

export const runCommand = (context: CommandContext, act: Act): Command =>
  new Command('run')
    .description('run a goal in plain words, or a definition: from a file, or one that is stored')
    .argument('[goal...]', 'the goal, or a .yaml or .json file with a definition; - reads the goal from standard input')
    .option(
      '-i, --input <name=value>',
      'an input; name=@file reads it from a file, name:=json gives a number, list or object',
      (value: string, all: string[]) => [...all, value],
      [],
    )
    .option(
      '-d, --definition <name>',
      'a stored definition or a template instead of a file: name, name@version or hash',
    )
    .option('--goal <text>', 'the goal, when a file is run')
    .option('--no-wait', 'only start it, and print its id')
    .option('--json', 'print the run as JSON when it has ended')
    .option('--server <url>', 'the server (default: QUORATE_URL, or the configuration in this folder)')
    .addHelpText(
      'after',
      `
Examples:
  quorate run "Which of these licences allows resale?" --input licences=@LICENCES.md
  quorate run review.yaml --input text=@report.md --input rounds:=3
  quorate run "Summarise the news of the week" --no-wait
  quorate run plan.yaml --json | jq .result
  quorate run --definition consensus_decision "Which database for events?"

While it waits, Ctrl-C only leaves: the run goes on. Exit codes: 0 completed, 2 partial, 1 failed, 3 cancelled,
4 server not reachable, 64 wrong usage.
`,
    )
    .action(act((words: string[], options: Options) => run(context, words, options)))

async function run(context: CommandContext, words: string[], options: Options): Promise<ExitCode> {
  const { terminal } = context
  const json = options.json === true
  const client = clientFor(context, options.server)
  if (!client.ok) return failed(context, client.failure, json)
  const request = await asked(context, client.value, words, options)
  if (!request.ok) return failed(context, request.failure, json)

  const created = await client.value.create_workflow(request.value)
  if (!created.ok) return failed(context, created.failure, json)
  const id = created.value.run_id
  if (!options.wait) {
    if (json) return printJson(context, created.value)
    terminal.out(id)
    terminal.err(`started; watch it with \`quorate logs ${id} -f\`, see it with \`quorate show ${id}\``)
    return exitCodes.done
  }

  const watched = await watchRun(context, client.value, id, { quiet: json && !terminal.interactive })
  if (!watched.ok) {
    if (watched.failure.kind === 'cancelled') {
      terminal.err(`Left. The run goes on: \`quorate logs ${id} -f\` watches it, \`quorate cancel ${id}\` ends it.`)
      return exitCodes.interrupted
    }
    terminal.err(`The run goes on at the server as soon as it can: \`quorate show ${id}\` tells how it went.`)
    return failed(context, watched.failure, json)
  }

  const document = await client.value.run(id)
  if (!document.ok) return failed(context, document.failure, json)
  const ended = { ...document.value, result: await client.value.value(document.value.result) }
  if (json) printJson(context, ended)
  else {
    for (const line of resultLines(ended.result)) terminal.out(line)
    const { calls, input_tokens, output_tokens, unknown_usage, duration_ms } = ended.cost
    terminal.err(
      `${id} ${painted(terminal.paint, ended.status)}${ended.reason === '' ? '' : `: ${ended.reason}`} · ${span(duration_ms ?? 0)} · ${calls} ${calls === 1 ? 'call' : 'calls'} · ${tokens(input_tokens + output_tokens, unknown_usage)} tokens`,
    )
  }
  return watched.value
}

type Asked = { goal?: string; definition?: Json; inputs?: { [name: string]: Json } }

/** What the server is asked for. A file travels as text, so that the server can name line and column. */
async function asked(
  context: CommandContext,
  client: Client,
  words: string[],
  options: Options,
): Promise<Result<Asked>> {
  const [first = ''] = words
  if (options.definition !== undefined) return stored(context, client, words.join(' '), options, options.definition)
  const isFile = words.length === 1 && /^\.(ya?ml|json)$/i.test(extname(first)) && !/\s/.test(first)
  if (!isFile) {
    const goal = words.length === 1 && first === '-' ? await context.read_stdin() : words.join(' ')
    if (goal.trim() === '')
      return fail('invalid_input', 'the goal is empty', {
        field: 'goal',
        remedy: 'say what is to be reached: quorate run "…"',
      })
    const inputs = parseInputs(options.input, {}, reader(context))
    return inputs.ok ? ok({ goal, inputs: inputs.value }) : inputs
  }
  const text = reader(context, LARGEST_DEFINITION_BYTES)(first)
  if (!text.ok) return text
  const inputs = parseInputs(options.input, declaredTypes(text.value), reader(context))
  if (!inputs.ok) return inputs
  return ok({
    definition: text.value,
    inputs: inputs.value,
    ...(options.goal === undefined ? {} : { goal: options.goal }),
  })
}

/** A stored definition: what its inputs are, the server knows; of a template, values are texts unless written as JSON. */
async function stored(
  context: CommandContext,
  client: Client,
  words: string,
  { input, goal = words }: Options,
  definition: string,
): Promise<Result<Asked>> {
  const known = await client.call<{ definition: unknown }>(get_definition, { reference: definition })
  const types = known.ok ? declaredIn(known.value.definition) : {}
  const inputs = parseInputs(input, types, reader(context))
  return inputs.ok ? ok({ definition, inputs: inputs.value, ...(goal.trim() === '' ? {} : { goal }) }) : inputs
}

/** Types of the inputs that a definition declares; a text that is no definition is judged by the server. */
function declaredTypes(text: string): DeclaredTypes {
  try {
    return declaredIn(parseYaml(text, { maxAliasCount: 100 }))
  } catch {
    return {}
  }
}

function declaredIn(definition: unknown): DeclaredTypes {
  const { inputs } = (definition ?? {}) as { inputs?: { [name: string]: { type?: string } } }
  return Object.fromEntries(
    Object.entries(inputs ?? {}).flatMap(([name, it]) => (typeof it?.type === 'string' ? [[name, it.type]] : [])),
  )
}
