/** `quorate fork`: a new run that shares its beginning with another one. */
import { extname } from 'node:path'
import { Command } from 'commander'
import { fail, ok, type Result } from '../failure.ts'
import { fork_run } from '../operations/fork_run.ts'
import type { Json } from '../workflow/value.ts'
import { type Act, type CommandContext, failed } from './command-context.ts'
import { clean } from './format.ts'
import { aboutRun, type CommonOptions, onRun } from './on-run.ts'
import { LARGEST_DEFINITION_BYTES, reader } from './read-file.ts'
import { parseInputs } from './run-inputs.ts'

type Options = CommonOptions & { at?: string; before?: string; definition?: string; input: string[] }
export type Forked = {
  run_id: string
  status: string
  forked_from: { run: string; seq: number }
  left_out: { total: number; items: { seq: number; type: string; about: string; reason: string }[] }
}

export const forkCommand = (context: CommandContext, act: Act): Command =>
  aboutRun(new Command('fork').description('start a new run that shares its beginning with another one'))
    .option('--at <event>', 'number of the last event that is shared (its whole turn); without it, all of them')
    .option('--before <stage>', 'share everything up to the start of this stage, such as improve[2].write')
    .option('--definition <file>', 'go on with this definition: a .yaml or .json file, or a stored one by name')
    .option(
      '-i, --input <name=value>',
      'another value of an input; name=@file and name:=json as with `quorate run`',
      (value: string, all: string[]) => [...all, value],
      [],
    )
    .addHelpText(
      'after',
      `
Examples:
  quorate fork last --before write
  quorate fork last --at 42 --input tone=formal
  quorate fork run_0198c0de --before improve[2].write --definition edited.yaml

No agent is asked again for what is shared. What the run has undone after a failure is done again.
\`quorate logs <run> --json\` shows the numbers of its events.
`,
    )
    .action(
      act((given: string, options: Options) => {
        const wanted = wish(context, options)
        if (!wanted.ok) return Promise.resolve(failed(context, wanted.failure, options.json))
        return onRun<Forked>(
          context,
          given,
          options,
          (client, id) => client.call(fork_run, { id, ...wanted.value }),
          (forked) => tellForked(context, forked),
        )
      }),
    )

function wish(context: CommandContext, { at, before, definition, input }: Options): Result<{ [field: string]: Json }> {
  if (at !== undefined && !/^[1-9]\d{0,14}$/.test(at))
    return fail('invalid_input', '--at is not the number of an event', {
      field: '--at',
      value: at,
      remedy: 'write a number from 1 on',
    })
  const inputs = parseInputs(input, {}, reader(context))
  if (!inputs.ok) return inputs
  const isFile = definition !== undefined && /^\.(ya?ml|json)$/i.test(extname(definition))
  const text = isFile ? reader(context, LARGEST_DEFINITION_BYTES)(definition) : ok(definition)
  if (!text.ok) return text
  return ok({
    ...(at === undefined ? {} : { at: Number(at) }),
    ...(before === undefined ? {} : { before_stage: before }),
    ...(text.value === undefined ? {} : { definition: text.value }),
    ...(input.length === 0 ? {} : { inputs: inputs.value }),
  })
}

/** The new run's id alone on standard output, so that a script can go on with it. */
export function tellForked({ terminal }: CommandContext, { run_id, status, forked_from, left_out }: Forked): void {
  terminal.out(run_id)
  terminal.err(
    `shares the first ${forked_from.seq} events of ${forked_from.run}${status === 'queued' ? '' : ` and is ${status}`}; watch it with \`quorate logs ${run_id} -f\``,
  )
  for (const { seq, type, about, reason } of left_out.items.slice(0, 10))
    terminal.err(`  left out: event ${seq} ${type}${about === '' ? '' : ` (${clean(about)})`}: ${clean(reason)}`)
  if (left_out.total > 10) terminal.err(`  … and ${left_out.total - 10} more; --json lists them`)
}
