/** `quorate definitions`, and its `check`: everything that can be found wrong with a definition before it runs. */
import { readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { Command } from 'commander'
import type { Failure, Result } from '../failure.ts'
import { check_definition } from '../operations/check_definition.ts'
import { checkDefinitionText } from '../workflow/check-definition/check-definition.ts'
import { type Act, type CommandContext, failed, printJson } from './command-context.ts'
import { definitionsDiffCommand } from './definitions-diff.ts'
import { definitionsListCommand, definitionsVersionsCommand } from './definitions-list.ts'
import { definitionsPutCommand, definitionsRestoreCommand } from './definitions-put.ts'
import { type ExitCode, exitCodes } from './exit-codes.ts'
import { clean } from './format.ts'
import { clientFor } from './server-address.ts'

type Options = { offline?: true; json?: true; server?: string }

export const definitionsCommand = (context: CommandContext, act: Act): Command =>
  new Command('definitions')
    .description('work with definitions')
    .addCommand(
      new Command('check')
        .description(
          'check a definition without running it, against the agents and definitions of the server when one runs',
        )
        .argument('<file>', 'a .yaml or .json file; - reads standard input')
        .option('--offline', 'do not ask the server which agents and definitions there are')
        .option('--json', 'print JSON')
        .option('--server <url>', 'the server')
        .addHelpText(
          'after',
          '\nExamples:\n  quorate definitions check review.yaml\n  quorate definitions check - < review.yaml\n',
        )
        .action(act((file: string, options: Options) => check(context, file, options))),
    )
    .addCommand(definitionsListCommand(context, act))
    .addCommand(definitionsVersionsCommand(context, act))
    .addCommand(definitionsDiffCommand(context, act))
    .addCommand(definitionsPutCommand(context, act))
    .addCommand(definitionsRestoreCommand(context, act))
    .addHelpText(
      'after',
      '\nExamples:\n  quorate definitions check review.yaml\n  quorate definitions check - < review.yaml\n\nExit codes: 0 nothing wrong (there may be warnings), 1 problems, 64 wrong usage.\n',
    )

async function check(context: CommandContext, file: string, options: Options): Promise<ExitCode> {
  const { terminal } = context
  let text: string
  try {
    text = file === '-' ? await context.read_stdin() : readFileSync(resolve(context.cwd, file), 'utf8')
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code ?? 'unknown error'
    return failed(
      context,
      {
        kind: 'invalid_input',
        message: `${file} cannot be read (${code})`,
        field: 'file',
        value: file,
        remedy: 'name a readable file',
      },
      options.json,
    )
  }
  const asked = options.offline ? null : await askServer(context, options, text)
  const { problems, warnings } = asked?.ok ? asked.value : checkedHere(text)
  const valid = problems.length === 0
  if (options.json) printJson(context, { valid, problems, warnings })
  else {
    for (const problem of problems) for (const line of lines(context, file, 'error', problem)) terminal.out(line)
    for (const warning of warnings) for (const line of lines(context, file, 'warning', warning)) terminal.out(line)
    if (asked?.ok === false)
      terminal.err(`Names of agents and definitions were not checked: ${clean(asked.failure.message)}`)
    terminal.err(
      valid
        ? `${file} is in order${warnings.length > 0 ? ', with warnings' : ''}`
        : `${problems.length} ${problems.length === 1 ? 'problem' : 'problems'} in ${file}`,
    )
  }
  return valid ? exitCodes.done : exitCodes.failed
}

/** `file:line:column: error: …`, as editors and terminals know to open. */
function lines(
  { terminal: { paint } }: CommandContext,
  file: string,
  severity: 'error' | 'warning',
  { message, remedy, field, line, column }: Failure,
): string[] {
  const place = line === undefined ? file : `${file}:${line}${column === undefined ? '' : `:${column}`}`
  const where = field && !message.includes(field) ? ` (${field})` : ''
  return [
    `${place}: ${paint(severity === 'error' ? 'red' : 'yellow', severity)}: ${clean(message)}${where}`,
    ...(remedy ? [`  ${paint('cyan', '→')} ${clean(remedy)}`] : []),
  ]
}

type Findings = { problems: Failure[]; warnings: Failure[] }

/** The server knows the agents and the definitions that there are. */
async function askServer(context: CommandContext, { server }: Options, text: string): Promise<Result<Findings>> {
  const client = clientFor(context, server)
  return client.ok ? client.value.call<Findings>(check_definition, { definition: text }) : client
}

function checkedHere(text: string): Findings {
  const checked = checkDefinitionText(text)
  return { problems: checked.ok ? [] : checked.problems, warnings: checked.warnings }
}
