/** Takes a run over to a newer version, by mail: the run itself looks once more whether it fits, where it stands by then. */
import type { RunEvent } from '../workflow/event.ts'
import type { OperationContext } from './operation.ts'
import type { RunUpgrade } from './run-upgrade.ts'

/** The mail is stored and will be read; for this long the answer waits to say what came of it. */
const WAIT_MS = 15_000

/** What was predicted, or what came of it where the run has moved on. The same prediction at the same event is one mail. */
export async function goOver(context: OperationContext, upgrade: RunUpgrade): Promise<RunUpgrade & { done: boolean }> {
  const { run_id, from, to, seq } = upgrade
  if (upgrade.verdict !== 'migrated' || from === null || to === null) return { ...upgrade, done: true }
  const sent = await context.runs.send(run_id, `definition:${to.hash}:${seq}`, {
    type: 'definition_changed',
    data: { definition: to.hash, from: from.hash, by: context.actor },
  })
  if (!sent.ok)
    return { ...upgrade, verdict: 'continues', reason: `before it could go over: ${sent.failure.message}`, done: true }
  const came = await answerOf(context, run_id, seq, to.hash)
  switch (came?.type) {
    case 'definition_changed':
      return { ...upgrade, done: true }
    case 'definition_kept':
      return { ...upgrade, verdict: 'pinned', reason: `it moved on meanwhile: ${came.data.reason}`, done: true }
    case 'run_finished':
      return { ...upgrade, verdict: 'continues', reason: `it has ended meanwhile (${came.data.status})`, done: true }
    default:
      return { ...upgrade, reason: 'it goes over as soon as it is driven again', done: false }
  }
}

/** The event that says what became of the change; null when none came in time. */
async function answerOf(
  { store, signal }: OperationContext,
  run: string,
  seq: number,
  hash: string,
): Promise<RunEvent | null> {
  const over = AbortSignal.any([signal, AbortSignal.timeout(WAIT_MS)])
  let look = (): void => undefined
  const off = store.events.watch(run, () => look())
  over.addEventListener('abort', () => look(), { once: true })
  try {
    for (let after = seq; ; ) {
      const came = new Promise<void>((resolve) => {
        look = resolve
      })
      const events = await store.events.read(run, after, 1_000)
      const answer = events.find(
        (event) =>
          event.type === 'run_finished' ||
          ((event.type === 'definition_changed' || event.type === 'definition_kept') && event.data.definition === hash),
      )
      if (answer !== undefined) return answer
      after = events.at(-1)?.seq ?? after
      if (over.aborted) return null
      if (events.length === 0) await came
    }
  } finally {
    off()
  }
}
