/** `quorate models`: hosts and what they offer. */
import { Command } from 'commander'
import { type Act, type CommandContext, failed, printJson } from './command-context.ts'
import { exitCodes } from './exit-codes.ts'
import { count, oneLine, size, stateStyle, table } from './format.ts'
import { clientFor } from './server-address.ts'

type Options = { refresh?: true; json?: true; server?: string }

export const modelsCommand = (context: CommandContext, act: Act): Command =>
  new Command('models')
    .description('list model hosts and their models')
    .option('--refresh', 'ask the hosts again')
    .option('--json', 'print JSON')
    .option('--server <url>', 'the server')
    .addHelpText(
      'after',
      '\nExamples:\n  quorate models\n  quorate models --refresh\n\nHosts are added in quorate.yaml under models.hosts, or by OLLAMA_BASE_URL.\n',
    )
    .action(act((options: Options) => models(context, options)))

async function models(context: CommandContext, { refresh, json, server }: Options) {
  const { terminal } = context
  const client = clientFor(context, server)
  if (!client.ok) return failed(context, client.failure, json)
  const found = await client.value.models(refresh === true)
  if (!found.ok) return failed(context, found.failure, json)
  if (json) return printJson(context, found.value)
  const { hosts, default: chosen } = found.value
  const page = { width: terminal.width(), paint: terminal.paint }
  const rows = hosts.map((host) => [
    host.name,
    host.kind,
    host.ok ? 'ok' : 'offline',
    String(host.models.length),
    host.address,
    host.detail,
  ])
  for (const line of table(
    [
      { title: 'HOST' },
      { title: 'KIND' },
      { title: 'STATE', style: stateStyle },
      { title: 'MODELS', align: 'right' },
      { title: 'ADDRESS' },
      { title: 'DETAIL', flexible: true },
    ],
    rows,
    page,
  ))
    terminal.out(line)
  const offered = hosts.flatMap((host) => host.models)
  if (offered.length > 0) {
    terminal.out('')
    const lines = offered.map((model) => [
      model.id,
      model.id === chosen.id ? 'default' : '',
      model.loaded ? 'loaded' : '',
      model.size_bytes === null ? '' : size(model.size_bytes),
      model.context_length === null ? '' : count(model.context_length),
      model.licence ?? '',
    ])
    for (const line of table(
      [
        { title: 'MODEL', flexible: true },
        { title: 'USE' },
        { title: 'STATE' },
        { title: 'SIZE', align: 'right' },
        { title: 'CONTEXT', align: 'right' },
        { title: 'LICENCE' },
      ],
      lines,
      page,
    ))
      terminal.out(line)
  }
  if (chosen.id === null)
    terminal.err(`${terminal.paint('yellow', 'There is no model for planning')}: ${oneLine(chosen.reason ?? '')}`)
  return exitCodes.done
}
