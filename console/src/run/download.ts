/** What of a run can be kept as a file: its whole event log, its result, its definition. */
import { asText, completed, referencesIn } from '../parts/references.ts'
import { call } from '../server/client.ts'
import type { Run } from '../server/queries.ts'

const PAGE = 1_000

function save(parts: string[], type: string, name: string): void {
  const address = URL.createObjectURL(new Blob(parts, { type }))
  const link = document.createElement('a')
  link.href = address
  link.download = name
  link.click()
  URL.revokeObjectURL(address)
}

export const downloads = {
  /** One event a line, all of them, however many the page holds. */
  async events(run: Run): Promise<void> {
    const parts: string[] = []
    for (let after: number | null = 0; after !== null; ) {
      const page: Awaited<ReturnType<typeof call<'get_run_events'>>> = await call('get_run_events', {
        id: run.id,
        after,
        limit: PAGE,
      })
      parts.push(page.items.map((event) => `${JSON.stringify(event)}\n`).join(''))
      after = page.next
    }
    save(parts, 'application/x-ndjson', `${run.id}.events.ndjson`)
  },
  async result(run: Run): Promise<void> {
    const text = typeof run.result === 'string'
    const parts = new Map<string, unknown>()
    for (const { $blob } of referencesIn(run.result)) parts.set($blob, await wholeValue($blob))
    const whole = asText(completed(run.result ?? null, (hash) => parts.get(hash)))
    save([whole], text ? 'text/plain' : 'application/json', `${run.id}.result.${text ? 'txt' : 'json'}`)
  },
  async definition(run: Run): Promise<void> {
    const [{ definition }, { asYaml }] = await Promise.all([
      call('get_definition', { reference: run.definition?.hash ?? '' }),
      import('../definitions/as-yaml.ts'),
    ])
    save([asYaml(definition)], 'application/yaml', `${run.definition?.name ?? run.id}.yaml`)
  },
}

async function wholeValue(hash: string): Promise<unknown> {
  let text = ''
  for (let offset: number | null = 0; offset !== null; ) {
    const part: Awaited<ReturnType<typeof call<'get_blob'>>> = await call('get_blob', { hash, offset })
    if ('value' in part) return part.value
    text += part.text ?? ''
    offset = part.next
  }
  return JSON.parse(text)
}
