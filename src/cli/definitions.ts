/** `quorate definitions`, and its `check`: everything that can be found wrong with a definition before it runs. */
import { readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { Command } from 'commander'
import type { Failure } from '../failure.ts'
import { type CheckContext, checkDefinitionText } from '../workflow/check-definition/check-definition.ts'
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
        .description('check a definition without running it; names agents of the server when one runs')
        .argument('<file>', 'a .yaml or .json file; - reads standard input')
        .option('--offline', 'do not ask the server which agents there are')
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
  const known = options.offline ? null : await agentsOf(context, options)
  const checked = checkDefinitionText(text, known ?? {})
  const problems = checked.ok ? [] : checked.problems
  const valid = problems.length === 0
  if (options.json) printJson(context, { valid, problems, warnings: checked.warnings })
  else {
    for (const problem of problems) for (const line of lines(context, file, 'error', problem)) terminal.out(line)
    for (const warning of checked.warnings)
      for (const line of lines(context, file, 'warning', warning)) terminal.out(line)
    if (!options.offline && known === null) terminal.err('No server answers, so the names of agents were not checked.')
    terminal.err(
      valid
        ? `${file} is in order${checked.warnings.length > 0 ? ', with warnings' : ''}`
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

/** Agents and capabilities of the server; null when none answers. */
async function agentsOf(context: CommandContext, { server }: Options): Promise<CheckContext | null> {
  const client = clientFor(context, server)
  const agents = client.ok ? await client.value.agents() : client
  if (!agents.ok) return null
  return { agents: agents.value.items.map(({ name }) => name), capabilities: Object.keys(agents.value.capabilities) }
}
