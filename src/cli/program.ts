/** All commands in one program, and how it ends: usage errors with 64, bugs with a message and no stack. */
import { Command, CommanderError } from 'commander'
import type { Failure } from '../failure.ts'
import { agentsCommand } from './agents.ts'
import { approveCommand } from './approve.ts'
import { backupCommand } from './backup.ts'
import { budgetCommand } from './budget.ts'
import { callCommand } from './call.ts'
import { cancelCommand } from './cancel.ts'
import { type Act, type CommandContext, failed } from './command-context.ts'
import { compareCommand } from './compare.ts'
import { completionCommand } from './completion.ts'
import { definitionsCommand } from './definitions.ts'
import { doctorCommand } from './doctor.ts'
import { type ExitCode, exitCodes } from './exit-codes.ts'
import { forkCommand } from './fork.ts'
import { keysCommand } from './keys.ts'
import { listCommand } from './list.ts'
import { logsCommand } from './logs.ts'
import { metricsCommand } from './metrics.ts'
import { modelsCommand } from './models.ts'
import { pauseCommand } from './pause.ts'
import { planCommand } from './plan.ts'
import { questionsCommand } from './questions.ts'
import { replayCommand } from './replay.ts'
import { restoreCommand } from './restore.ts'
import { resumeCommand } from './resume.ts'
import { retryCommand } from './retry.ts'
import { runCommand } from './run.ts'
import { saveCommand } from './save.ts'
import { showCommand } from './show.ts'
import { signalCommand } from './signal.ts'
import { startCommand } from './start.ts'
import { templatesCommand } from './templates.ts'
import { upgradeCommand } from './upgrade.ts'

const examples = `
Examples:
  quorate start                                 start the server on this machine
  quorate run "Compare three ways to cache API answers"
  quorate run review.yaml --input text=@report.md
  quorate list --status running,waiting
  quorate show last
  quorate doctor

Exit codes: 0 completed, 1 failed, 2 partial, 3 cancelled, 4 server not reachable, 64 wrong usage.
`

/** Runs one command line, without the program's name; gives what the process ends with. */
export async function runProgram(argv: readonly string[], given: CommandContext): Promise<ExitCode> {
  let exit: ExitCode = exitCodes.done
  let key: string | undefined
  const context: CommandContext = { ...given, key: () => key }
  const act: Act =
    (work) =>
    async (...args) => {
      exit = await work(...args)
    }
  const program = new Command('quorate')
    .description('Orchestrates AI agents in durable runs, on models of your own.')
    .version(context.version, '-V, --version', 'print the version')
    .addHelpText('after', examples)
  const commands = [
    startCommand,
    runCommand,
    listCommand,
    showCommand,
    logsCommand,
    pauseCommand,
    resumeCommand,
    cancelCommand,
    questionsCommand,
    approveCommand,
    signalCommand,
    budgetCommand,
    retryCommand,
    forkCommand,
    replayCommand,
    compareCommand,
    upgradeCommand,
    planCommand,
    saveCommand,
    templatesCommand,
    definitionsCommand,
    agentsCommand,
    modelsCommand,
    metricsCommand,
    doctorCommand,
    callCommand,
    keysCommand,
    backupCommand,
    restoreCommand,
    completionCommand,
  ]
  for (const make of commands) program.addCommand(make(context, act))
  speakThrough(program, context)
  takeKeys(program)
  program.hook('preAction', (_, command) => {
    key = command.opts<{ key?: string }>().key
  })
  try {
    await program.parseAsync([...argv], { from: 'user' })
    return exit
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? exitCodes.done : exitCodes.usage
    // What the store rejects with carries its failure: a damaged row or a full disk is no defect of the program.
    if (error instanceof Error && 'failure' in error) return failed(context, error.failure as Failure)
    throw error
  }
}

/** Settings of commander that subcommands do not inherit once they are made. */
function speakThrough(command: Command, context: CommandContext): void {
  const { terminal } = context
  const lines = (write: (line: string) => void) => (text: string) => write(text.replace(/\n$/, ''))
  command
    .exitOverride()
    .showSuggestionAfterError()
    .showHelpAfterError(`(\`${nameOf(command)} --help\` shows how it is used)`)
    .configureOutput({
      writeOut: lines(terminal.out),
      writeErr: lines(terminal.err),
      getOutHelpWidth: terminal.width,
      getErrHelpWidth: terminal.width,
      getOutHasColors: () => false,
      getErrHasColors: () => false,
    })
  for (const inner of command.commands) speakThrough(inner, context)
}

/** Whatever asks a server may have to show a key. */
function takeKeys(command: Command): void {
  if (command.options.some(({ long }) => long === '--server'))
    command.option('--key <key>', 'the API key, or where it is: file:PATH, env:NAME (default: QUORATE_KEY)')
  for (const inner of command.commands) takeKeys(inner)
}

const nameOf = (command: Command): string =>
  command.parent ? `${nameOf(command.parent)} ${command.name()}` : command.name()
