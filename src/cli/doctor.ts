/** `quorate doctor`: examines the deployment; without a server, what can be seen from outside. */
import { Command } from 'commander'
import { loadConfiguration } from '../configuration/load-configuration.ts'
import type { Examination, Finding } from './client.ts'
import { type Act, type CommandContext, failed, printJson } from './command-context.ts'
import { examineMachine } from './examine-machine.ts'
import { exitCodes } from './exit-codes.ts'
import { oneLine, type Paint, painted, wrap } from './format.ts'
import { clientFor, serverAddress } from './server-address.ts'

type Options = { config?: string; json?: true; server?: string }

export const doctorCommand = (context: CommandContext, act: Act): Command =>
  new Command('doctor')
    .description('examine the deployment: engine, store, models, agents, disk, port; each finding with its remedy')
    .option('--config <file>', 'the configuration to examine when no server runs')
    .option('--json', 'print JSON')
    .option('--server <url>', 'the server')
    .addHelpText(
      'after',
      '\nExamples:\n  quorate doctor\n  quorate doctor --json | jq .findings\n\nExit codes: 0 healthy or only warnings, 1 something is broken, 64 the configuration is wrong.\n',
    )
    .action(act((options: Options) => doctor(context, options)))

async function doctor(context: CommandContext, { config, json, server }: Options) {
  const { terminal } = context
  const address = serverAddress(context, server)
  // A configuration that is wrong is the finding: nothing starts with it.
  if (!address.ok) return failed(context, address.failure, json)
  const client = clientFor(context, server)
  if (!client.ok) return failed(context, client.failure, json)
  const examined = await client.value.doctor()
  let examination: Examination
  if (examined.ok) examination = examined.value
  else {
    const unreachable = examined.failure.kind === 'unavailable' && examined.failure.field === 'server'
    if (!unreachable || server !== undefined) return failed(context, examined.failure, json)
    const loaded = loadConfiguration({ flags: { config }, environment: context.environment, cwd: context.cwd })
    if (!loaded.ok) return failed(context, loaded.failure, json)
    if (!json) terminal.out(`No server at ${address.value}; this is what can be seen without it.\n`)
    examination = await examineMachine(loaded.value, { fetch: context.fetch })
  }
  if (json) printJson(context, examination)
  else for (const line of examinationLines(examination, terminal.width(), terminal.paint)) terminal.out(line)
  return examination.status === 'broken' ? exitCodes.failed : exitCodes.done
}

export function examinationLines({ status, examined, findings }: Examination, width: number, paint: Paint): string[] {
  const name = Math.max(0, ...examined.map(({ subject }) => subject.length))
  return [
    ...examined.map(({ subject, detail }) => `${paint('dim', oneLine(subject).padEnd(name))}  ${oneLine(detail)}`),
    '',
    ...alike(findings).flatMap(({ severity, title, evidence, remedy, others }) => [
      `${painted(paint, severity)} ${oneLine(title)}`,
      ...(others.length > 0 ? wrap(oneLine(`and likewise: ${others.join(', ')}`), width, '  ') : []),
      ...wrap(oneLine(evidence), width, '  '),
      ...wrap(oneLine(remedy), width - 2, '  ').map((line, i) =>
        i === 0 ? `  ${paint('cyan', '→')} ${line.trimStart()}` : `  ${line}`,
      ),
    ]),
    ...(findings.length > 0 ? [''] : []),
    `${paint('bold', 'status')} ${painted(paint, status)}`,
  ]
}

/** Findings of one kind with the same evidence are one for the reader: a dozen agents without a model have one cause. */
function alike(findings: readonly Finding[]): (Finding & { others: string[] })[] {
  const groups = new Map<string, Finding & { others: string[] }>()
  for (const finding of findings) {
    const [kind, ...about] = finding.id.split(':')
    const key = JSON.stringify([kind, finding.severity, finding.evidence])
    const group = groups.get(key)
    if (group) group.others.push(about.join(':') || finding.title)
    else groups.set(key, { ...finding, others: [] })
  }
  return [...groups.values()]
}
