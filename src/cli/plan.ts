/** `quorate plan`: what a goal would be run as, without running it. */
import { Command } from 'commander'
import type { Failure } from '../failure.ts'
import { plan } from '../operations/plan.ts'
import type { Json } from '../workflow/value.ts'
import { type Act, type CommandContext, failed } from './command-context.ts'
import { clean, span } from './format.ts'
import { type CommonOptions, onServer, withServer } from './on-run.ts'
import { reader } from './read-file.ts'
import { parseInputs } from './run-inputs.ts'

type Options = CommonOptions & { input: string[]; save?: true }
type Planned = {
  definition: Json
  yaml: string
  source: string
  reason: string
  warnings: Failure[]
  attempts: {
    attempt: number
    source: string
    model: string | null
    problems: string[]
    failure?: Failure
    duration_ms: number
  }[]
  stored: { name: string; version: number } | null
}

/** A small model on a slow machine plans and repairs within this. */
const PATIENCE_MS = 15 * 60_000

export const planCommand = (context: CommandContext, act: Act): Command =>
  withServer(new Command('plan').description('plan a goal without starting it; prints the definition as YAML'))
    .argument('<goal...>', 'the goal, in plain words')
    .option(
      '-i, --input <name=value>',
      'an input that the run will have; name=@file and name:=json as with `quorate run`',
      (value: string, all: string[]) => [...all, value],
      [],
    )
    .option('--save', 'store the definition')
    .addHelpText(
      'after',
      '\nExamples:\n  quorate plan "Compare three ways to cache API answers" > plan.yaml\n  quorate plan "Review this text" --input text=@draft.md --save\n  quorate run plan.yaml\n',
    )
    .action(
      act((words: string[], { input, save, ...options }: Options) => {
        const inputs = parseInputs(input, {}, reader(context))
        if (!inputs.ok) return Promise.resolve(failed(context, inputs.failure, options.json))
        return onServer<Planned>(
          context,
          options,
          (client) =>
            client.call(
              plan,
              { goal: words.join(' '), inputs: inputs.value, save: save === true },
              undefined,
              PATIENCE_MS,
            ),
          (planned) => tell(context, planned),
        )
      }),
    )

/** The definition alone on standard output: it goes into a file. */
function tell(
  { terminal: { out, err, paint } }: CommandContext,
  { yaml, source, reason, warnings, attempts, stored }: Planned,
): void {
  out(yaml.trimEnd())
  for (const { attempt, source: by, model, problems, failure, duration_ms } of attempts) {
    const said = failure?.message ?? problems.join('; ')
    err(`attempt ${attempt} (${model ?? by}, ${span(duration_ms)})${said === '' ? '' : `: ${clean(said)}`}`)
  }
  for (const { message } of warnings) err(`${paint('yellow', 'warning')} ${clean(message)}`)
  err(`${source}: ${clean(reason)}${stored === null ? '' : `; stored as ${stored.name}@${stored.version}`}`)
}
