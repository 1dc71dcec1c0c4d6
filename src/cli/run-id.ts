/** Runs as people name them: in full, by the beginning of the id, or `last`. */
import { type Failure, ok, type Result } from '../failure.ts'
import type { Client } from './client.ts'

/** Runs among which a shortened id is looked up. */
const MOST_LOOKED_AT = 200

export async function runId(client: Client, given: string): Promise<Result<string>> {
  if (given !== 'last' && /^(run|swm)_[0-9a-f-]{36}$/.test(given)) return ok(given)
  const runs = await client.runs({ limit: given === 'last' ? 1 : MOST_LOOKED_AT })
  if (!runs.ok) return runs
  const ids = runs.value.items.map(({ id }) => id)
  const found =
    given === 'last'
      ? ids
      : ids.filter(
          (id) => id.startsWith(given) || id.startsWith(`run_${given}`) || (given.length >= 4 && id.endsWith(given)),
        )
  const [id] = found
  if (id !== undefined && found.length === 1) return ok(id)
  const failure: Failure = {
    kind: id === undefined ? 'not_found' : 'invalid_input',
    message:
      id === undefined
        ? given === 'last'
          ? 'there are no runs yet'
          : `there is no run ${given}`
        : `${found.length} runs are called ${given}…`,
    field: 'run',
    value: given,
    remedy: id === undefined ? '`quorate list` shows the runs' : 'write more of the id',
  }
  return { ok: false, failure }
}
