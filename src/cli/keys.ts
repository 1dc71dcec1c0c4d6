/** `quorate keys`: who may ask. On the data of this machine, or through a server that is named. */
import { Command } from 'commander'
import { variable } from '../configuration/environment.ts'
import { loadConfiguration } from '../configuration/load-configuration.ts'
import { excerpt, fail, ok, type Result } from '../failure.ts'
import { checkInput } from '../operations/check-input.ts'
import { create_key } from '../operations/create_key.ts'
import type { KeyContext, KeyView } from '../operations/key-view.ts'
import { list_keys } from '../operations/list_keys.ts'
import { type Operation, type OperationContext, permissions } from '../operations/operation.ts'
import { revoke_key } from '../operations/revoke_key.ts'
import type { Json } from '../workflow/value.ts'
import { type Act, type CommandContext, failed, printJson } from './command-context.ts'
import { type ExitCode, exitCodes } from './exit-codes.ts'
import { oneLine, span, table } from './format.ts'
import { clientFor } from './server-address.ts'

type Options = { server?: string; data?: string; config?: string; json?: true }

/** Words for sets of permissions that people want. They are written out into the key: one that comes later is not in it. */
const sets: { [word: string]: readonly string[] } = {
  all: permissions,
  read: permissions.filter((one) => one.endsWith(':read')),
}

export function keysCommand(context: CommandContext, act: Act): Command {
  const make = (name: string, description: string) =>
    new Command(name)
      .description(description)
      .option('--server <url>', 'ask this server (default: QUORATE_URL; else the data of this machine)')
      .option('--data <folder>', 'the data (default: as the configuration says, .quorate)')
      .option('--config <file>', 'the configuration that says where the data are')
      .option('--json', 'print JSON')
  return new Command('keys')
    .description('make, list and revoke API keys')
    .addHelpText(
      'after',
      `
Examples:
  quorate keys create ann --permissions all
  quorate keys create grafana --permissions system:read --expires 365d
  quorate keys create ci --permissions runs:read,runs:write --expires 90d > ci.key
  quorate keys list
  quorate keys revoke ci

Without --server and QUORATE_URL they work on the data of this machine, also while the server is stopped, and need no
other key: whoever may write the data may make keys. Permissions: ${permissions.join(', ')};
all and read stand for sets of them.
`,
    )
    .addCommand(
      make('create', 'make a key; it is printed once and kept nowhere')
        .argument('<name>', 'who or what uses it; stands in events as the one who did it')
        .requiredOption('--permissions <list>', 'what it may, with commas between; all, or read')
        .option('--expires <duration>', 'how long it works, such as 90d (default: until it is revoked)')
        .action(
          act((name: string, options: Options & { permissions: string; expires?: string }) =>
            create(context, name, options),
          ),
        ),
    )
    .addCommand(
      make('list', 'list the keys; never the keys themselves (default)')
        .option('--revoked', 'also those that were revoked')
        .action(act((options: Options & { revoked?: true }) => list(context, options))),
      { isDefault: true },
    )
    .addCommand(
      make('revoke', 'end a key, for good')
        .argument('<key>', 'its name or id')
        .action(act((key: string, options: Options) => revoke(context, key, options))),
    )
}

async function create(
  context: CommandContext,
  name: string,
  options: Options & { permissions: string; expires?: string },
): Promise<ExitCode> {
  const { terminal } = context
  const words = options.permissions.split(/[\s,]+/).filter((word) => word !== '')
  const wanted = [...new Set(words.flatMap((word) => (Object.hasOwn(sets, word) ? (sets[word] ?? []) : [word])))]
  const unknown = wanted.find((one) => !(permissions as readonly string[]).includes(one))
  if (unknown !== undefined || wanted.length === 0)
    return failed(
      context,
      {
        kind: 'invalid_input',
        message:
          unknown === undefined
            ? 'a key without a permission may do nothing'
            : `there is no permission ${excerpt(unknown, 60)}`,
        field: '--permissions',
        remedy: `name some of ${[...permissions, ...Object.keys(sets)].join(', ')}`,
      },
      options.json,
    )
  const input = { name, permissions: wanted, ...(options.expires !== undefined && { expires_in: options.expires }) }
  const made = await ask<KeyView & { key: string }>(context, options, create_key, input)
  if (!made.ok) return failed(context, made.failure, options.json)
  if (options.json) return printJson(context, made.value)
  // Alone on standard output, so that it can go into a file.
  terminal.out(made.value.key)
  const end =
    made.value.expires_at === null ? 'until it is revoked' : `until ${new Date(made.value.expires_at).toISOString()}`
  terminal.err(`The key ${name} works ${end}. It is not shown again.`)
  return exitCodes.done
}

async function list(context: CommandContext, options: Options & { revoked?: true }): Promise<ExitCode> {
  const { terminal, now } = context
  const found = await ask<{ items: KeyView[] }>(context, options, list_keys, { revoked: options.revoked === true })
  if (!found.ok) return failed(context, found.failure, options.json)
  if (options.json) return printJson(context, found.value)
  if (found.value.items.length === 0) {
    terminal.out('There are no keys. `quorate keys create NAME --permissions all` makes the first.')
    return exitCodes.done
  }
  const ago = (at: number | null) => (at === null ? 'never' : `${span(now() - at)} ago`)
  const rows = found.value.items.map((key) => [
    key.name,
    `${key.prefix}…`,
    key.state === 'in_force' ? '' : key.state,
    ago(key.last_used_at),
    key.expires_at === null ? 'never' : new Date(key.expires_at).toISOString().slice(0, 10),
    key.permissions.length === permissions.length ? 'all' : key.permissions.join(' '),
  ])
  const columns = ['NAME', 'KEY', 'STATE', 'LAST USED', 'EXPIRES'].map((title) => ({ title }))
  for (const line of table([...columns, { title: 'PERMISSIONS', flexible: true }], rows, {
    width: terminal.width(),
    paint: terminal.paint,
  }))
    terminal.out(line)
  return exitCodes.done
}

async function revoke(context: CommandContext, key: string, options: Options): Promise<ExitCode> {
  const ended = await ask<KeyView>(context, options, revoke_key, { key })
  if (!ended.ok) return failed(context, ended.failure, options.json)
  if (options.json) return printJson(context, ended.value)
  context.terminal.out(`the key ${oneLine(ended.value.name)} is revoked`)
  return exitCodes.done
}

async function ask<T>(
  context: CommandContext,
  { server, data, config }: Options,
  operation: Operation,
  input: { [field: string]: Json },
): Promise<Result<T>> {
  const { environment, cwd, now } = context
  const named = server ?? variable(environment, 'QUORATE_URL')
  if (named !== undefined && data === undefined) {
    const client = clientFor(context, named)
    return client.ok ? client.value.call<T>(operation, input) : client
  }
  if (server !== undefined)
    return fail('invalid_input', '--data and --server mean different things', {
      field: '--data',
      remedy: 'leave one out',
    })
  const loaded = loadConfiguration({ flags: { config, data }, environment, cwd })
  if (!loaded.ok) return loaded
  const checked = checkInput(operation, input)
  if (!checked.ok) return checked
  const { data_dir, namespace } = loaded.value
  // Loaded here: no other command of the client needs a database.
  const { onStore } = await import('../data-directory.ts')
  return onStore({ data_dir, namespace, now, make: operation.name === 'create_key' }, async (store) => {
    const key: KeyContext = { store, now, actor: 'local', granted: permissions }
    // What operations on keys take of their context, and no more.
    const answer = await operation.run(key as OperationContext, checked.value)
    return answer.ok ? ok(answer.value as T) : answer
  })
}
