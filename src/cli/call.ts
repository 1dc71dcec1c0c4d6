/** `quorate call`: every operation of the API by name, made from the list of operations. */
import { Command } from 'commander'
import { z } from 'zod'
import { operations } from '../operations/all.ts'
import type { Operation } from '../operations/operation.ts'
import { type Act, type CommandContext, failed } from './command-context.ts'
import { type CommonOptions, onServer } from './on-run.ts'
import { reader } from './read-file.ts'
import { parseInputs } from './run-inputs.ts'

type Field = { type?: string | string[]; description?: string; anyOf?: Field[]; enum?: unknown[] }

/** Milliseconds that an operation may take: planning and probing wait for a model. */
const LONGEST_MS = 600_000

export function callCommand(context: CommandContext, act: Act): Command {
  const command = new Command('call')
    .description('call any operation of the API by name; prints the JSON that it answers')
    .addHelpText(
      'after',
      `
Examples:
  quorate call orchestration_status
  quorate call get_task id=run_0198c0de task=write/draft
  quorate call create_swarm objective="Which cache?" agents=5
  quorate call get_definition --help                 which fields it takes

A field is written as name=value, name=@file or name:=json.
`,
    )
  for (const operation of operations) command.addCommand(operationCommand(context, act, operation as Operation))
  return command
}

function operationCommand(context: CommandContext, act: Act, operation: Operation): Command {
  const { name, method, path, summary } = operation
  return new Command(name)
    .description(summary)
    .argument('[field...]', 'name=value, name=@file or name:=json')
    .option('--server <url>', 'the server')
    .option('--json', 'print JSON (it always does)')
    .addHelpText('after', () => `\n${method} ${path}\n${fieldsText(operation)}`)
    .action(
      act(async (given: string[], { server }: CommonOptions) => {
        const fields = fieldsOf(operation)
        const types = Object.fromEntries(Object.entries(fields).map(([field, one]) => [field, typeOf(one)]))
        const input = parseInputs(given, types, reader(context))
        if (!input.ok) return failed(context, input.failure, true)
        return onServer<unknown>(
          context,
          { json: true, ...(server === undefined ? {} : { server }) },
          (client) => client.call(operation, input.value, undefined, LONGEST_MS),
          () => {},
        )
      }),
    )
}

type Fields = { properties?: { [field: string]: Field }; required?: string[] }
const schemaOf = ({ input }: Operation): Fields =>
  z.toJSONSchema(input, { io: 'input', unrepresentable: 'any' }) as Fields

const fieldsOf = (operation: Operation): { [field: string]: Field } => schemaOf(operation).properties ?? {}

/** A field that takes a text among other things is taken for a text: `name:=json` says otherwise. */
function typeOf({ type, anyOf, enum: values }: Field): string {
  const types = [type ?? anyOf?.map(typeOf) ?? (values ? 'text' : 'any')].flat()
  return types.some((one) => one === 'string' || one === 'text' || one === 'any') ? 'text' : (types[0] ?? 'any')
}

function fieldsText(operation: Operation): string {
  const required = new Set(schemaOf(operation).required ?? [])
  const rows = Object.entries(fieldsOf(operation)).map(([field, one]) => [
    field,
    required.has(field) ? 'required' : '',
    typeOf(one),
    one.description ?? '',
  ])
  return rows.length === 0 ? 'It takes no fields.' : rows.map((row) => `  ${row.join('  ').trimEnd()}`).join('\n')
}
