/** `quorate templates`: definitions that are there from the start. */
import { Command } from 'commander'
import { ok } from '../failure.ts'
import { list_templates } from '../operations/list_templates.ts'
import type { Act, CommandContext } from './command-context.ts'
import { table } from './format.ts'
import { type CommonOptions, onServer, withServer } from './on-run.ts'

type Template = { name: string; title: string; description: string; inputs: { [name: string]: unknown }; text: string }

export const templatesCommand = (context: CommandContext, act: Act): Command =>
  withServer(new Command('templates').description('list the templates, or print one as YAML'))
    .argument('[name]', 'the one to print')
    .addHelpText(
      'after',
      '\nExamples:\n  quorate templates\n  quorate templates code_review_with_tests > review.yaml\n',
    )
    .action(
      act((name: string | undefined, options: CommonOptions) => {
        const { out, width, paint } = context.terminal
        return onServer<Template[]>(
          context,
          options,
          async (client) => {
            const all = await client.call<{ items: Template[] }>(list_templates)
            if (!all.ok || name === undefined) return all.ok ? ok(all.value.items) : all
            const found = all.value.items.filter((template) => template.name === name)
            if (found.length > 0) return ok(found)
            return {
              ok: false,
              failure: {
                kind: 'not_found',
                message: `there is no template ${name}`,
                field: 'name',
                value: name,
                remedy: `one of ${all.value.items.map((template) => template.name).join(', ')}`,
              },
            }
          },
          (items) => {
            const [only] = items
            if (name !== undefined && only !== undefined) return out(only.text.trimEnd())
            const rows = items.map((template) => [
              template.name,
              Object.keys(template.inputs).join(', '),
              template.description,
            ])
            for (const line of table(
              [{ title: 'TEMPLATE' }, { title: 'INPUTS' }, { title: 'WHAT IT DOES', flexible: true }],
              rows,
              { width: width(), paint },
            ))
              out(line)
          },
        )
      }),
    )
