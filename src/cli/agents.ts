/** `quorate agents`: the registry. */
import { readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { Command } from 'commander'
import { parse } from 'yaml'
import { type Failure, fail, ok, type Result } from '../failure.ts'
import type { Json } from '../workflow/value.ts'
import { agentsTryCommand } from './agents-try.ts'
import type { AgentShown, Client } from './client.ts'
import { type Act, type CommandContext, failed, printJson } from './command-context.ts'
import { type ExitCode, exitCodes } from './exit-codes.ts'
import { clean, oneLine, painted, stateStyle, table } from './format.ts'
import { clientFor } from './server-address.ts'

type Options = { json?: true; server?: string }

export function agentsCommand(context: CommandContext, act: Act): Command {
  const make = (name: string, description: string) =>
    new Command(name).description(description).option('--json', 'print JSON').option('--server <url>', 'the server')

  const withClient = async (options: Options, work: (client: Client) => Promise<ExitCode>): Promise<ExitCode> => {
    const client = clientFor(context, options.server)
    return client.ok ? work(client.value) : failed(context, client.failure, options.json)
  }
  /** One request about one agent, answered by its new state. */
  const about = (
    said: (agent: AgentShown) => string,
    ask: (client: Client, name: string, options: Options & { force?: true }) => Promise<Result<AgentShown>>,
  ) =>
    act((name: string, options: Options & { force?: true }) =>
      withClient(options, async (client) => {
        const answer = await ask(client, name, options)
        if (!answer.ok) return failed(context, answer.failure, options.json)
        if (options.json) return printJson(context, answer.value)
        context.terminal.out(said(answer.value))
        return exitCodes.done
      }),
    )

  return new Command('agents')
    .description('see and change the agents')
    .addHelpText(
      'after',
      `
Examples:
  quorate agents                                list them
  quorate agents show researcher
  quorate agents add --file translator.yaml     one agent, or a list of them; the fields are those of quorate.yaml
  quorate agents drain coder                    let it finish and give it nothing new
  quorate agents remove coder --force
  quorate agents probe critic
  quorate agents try critic "Find the weak point of this plan: ..."
`,
    )
    .addCommand(
      make('list', 'list the agents (default)').action(
        act((options: Options) => withClient(options, (client) => list(context, client, options))),
      ),
      { isDefault: true },
    )
    .addCommand(
      make('show', 'show one agent')
        .argument('<name>')
        .action(
          act((name: string, options: Options) =>
            withClient(options, (client) => show(context, client, name, options)),
          ),
        ),
    )
    .addCommand(
      make('add', 'add agents from a YAML or JSON file')
        .requiredOption('--file <path>', 'one agent or a list of agents; - reads standard input')
        .action(
          act((options: Options & { file: string }) => withClient(options, (client) => add(context, client, options))),
        ),
    )
    .addCommand(
      make('drain', 'let it finish its work and give it nothing new')
        .argument('<name>')
        .action(
          about(
            (agent) => `${oneLine(agent.name)} is ${agent.status}`,
            (client, name) => client.drain_agent(name),
          ),
        ),
    )
    .addCommand(
      make('remove', 'remove it; with work in hand it is drained first')
        .argument('<name>')
        .option('--force', 'end its work at once')
        .action(
          about(
            (agent) =>
              agent.status === 'draining'
                ? `${oneLine(agent.name)} is removed when its work is done`
                : `${oneLine(agent.name)} is removed`,
            (client, name, { force }) => client.remove_agent(name, force === true),
          ),
        ),
    )
    .addCommand(
      make('probe', 'check now whether it can work')
        .argument('<name>')
        .action(
          act((name: string, options: Options) =>
            withClient(options, (client) => probe(context, client, name, options)),
          ),
        ),
    )
    .addCommand(agentsTryCommand(context, act))
}

async function list(context: CommandContext, client: Client, { json }: Options): Promise<ExitCode> {
  const { terminal } = context
  const agents = await client.agents()
  if (!agents.ok) return failed(context, agents.failure, json)
  if (json) return printJson(context, agents.value)
  const rows = agents.value.items.map((agent) => [
    agent.name,
    agent.status,
    agent.system,
    agent.current_tasks.length === 0 ? '' : String(agent.current_tasks.length),
    agent.performance.value === null ? '' : `${Math.round(agent.performance.value * 100)} % of ${agent.performance.n}`,
    agent.capabilities.join(', '),
  ])
  const lines = table(
    [
      { title: 'AGENT' },
      { title: 'STATE', style: stateStyle },
      { title: 'SYSTEM' },
      { title: 'TASKS', align: 'right' },
      { title: 'SUCCESS', align: 'right' },
      { title: 'CAPABILITIES', flexible: true },
    ],
    rows,
    { width: terminal.width(), paint: terminal.paint },
  )
  for (const line of lines) terminal.out(line)
  return exitCodes.done
}

async function show(context: CommandContext, client: Client, name: string, { json }: Options): Promise<ExitCode> {
  const { terminal } = context
  const found = await client.agent(name)
  if (!found.ok) return failed(context, found.failure, json)
  if (json) return printJson(context, found.value)
  const agent = found.value
  const facts: [string, string][] = [
    ['state', painted(terminal.paint, agent.status)],
    ['health', agent.health ? oneLine(agent.health.detail) : ''],
    ['system', agent.system],
    ['type', agent.type],
    ['from', agent.source],
    ['role', oneLine(agent.role ?? '')],
    ['about', oneLine(agent.description ?? '')],
    ['capabilities', agent.capabilities.join(', ')],
    ['settings', Object.keys(agent.settings ?? {}).length === 0 ? '' : JSON.stringify(agent.settings)],
    [
      'bounds',
      [agent.concurrency === undefined ? '' : `${agent.concurrency} at once`, agent.timeout ?? '']
        .filter((part) => part !== '')
        .join(', '),
    ],
    ['breaker', agent.breaker.state],
    [
      'success',
      agent.performance.value === null
        ? `unknown (${agent.performance.n} results)`
        : `${Math.round(agent.performance.value * 100)} % of ${agent.performance.n} results`,
    ],
  ]
  terminal.out(terminal.paint('bold', oneLine(agent.name)))
  for (const [title, text] of facts)
    if (text !== '') terminal.out(`${terminal.paint('dim', title.padEnd(12))}  ${clean(text)}`)
  for (const { run, task } of agent.current_tasks)
    terminal.out(`${terminal.paint('dim', 'works on'.padEnd(12))}  ${oneLine(run)} ${oneLine(task)}`)
  return exitCodes.done
}

async function add(
  context: CommandContext,
  client: Client,
  { file, json }: Options & { file: string },
): Promise<ExitCode> {
  const agents = await read(context, file)
  if (!agents.ok) return failed(context, agents.failure, json)
  const added: AgentShown[] = []
  const problems: Failure[] = []
  for (const agent of agents.value) {
    const answer = await client.add_agent(agent)
    if (!answer.ok) {
      const name = (agent as { name?: unknown }).name
      problems.push(
        typeof name === 'string' && agents.value.length > 1
          ? { ...answer.failure, message: `${oneLine(name)}: ${answer.failure.message}` }
          : answer.failure,
      )
      continue
    }
    added.push(answer.value)
    if (!json) context.terminal.out(`${oneLine(answer.value.name)} is added`)
  }
  if (json) printJson(context, added)
  const [first] = problems
  if (!first) return exitCodes.done
  return failed(context, problems.length > 1 ? { ...first, problems } : first, json)
}

async function read(context: CommandContext, file: string): Promise<Result<{ [field: string]: Json }[]>> {
  const wrong = (message: string) =>
    fail('invalid_input', `${file}: ${message}`, {
      field: '--file',
      value: file,
      remedy: 'give a YAML or JSON file with one agent (name, system, …) or a list of them',
    })
  try {
    const text = file === '-' ? await context.read_stdin() : readFileSync(resolve(context.cwd, file), 'utf8')
    const value = parse(text, { maxAliasCount: 100 }) as Json
    const agents =
      isRecord(value) && Array.isArray(value.agents) ? value.agents : Array.isArray(value) ? value : [value]
    return agents.length > 0 && agents.every(isRecord) ? ok(agents) : wrong('holds no agent')
  } catch (error) {
    return wrong(oneLine((error as Error).message))
  }
}

const isRecord = (value: Json): value is { [key: string]: Json } =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

async function probe(context: CommandContext, client: Client, name: string, { json }: Options): Promise<ExitCode> {
  const answer = await client.probe_agent(name)
  if (!answer.ok) return failed(context, answer.failure, json)
  const health = answer.value
  if (json) printJson(context, health)
  else
    context.terminal.out(
      `${oneLine(name)} ${painted(context.terminal.paint, health.ok ? 'ok' : 'offline')}: ${oneLine(health.detail)}`,
    )
  return health.ok ? exitCodes.done : exitCodes.failed
}
