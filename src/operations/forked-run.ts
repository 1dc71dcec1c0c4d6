import { z } from 'zod'
import { fail, ok, type Result } from '../failure.ts'
import type { RunRow } from '../store/store.ts'
import type { Definition } from '../workflow/definition.ts'
import type { Json } from '../workflow/value.ts'
import { checkedDefinition, isReference, storedDefinition } from './checked-definition.ts'
import { swarmId } from './find-run.ts'
import { foldedRun } from './folded-run.ts'
import type { OperationContext } from './operation.ts'
import { newRunId } from './request-ids.ts'
import { runInputs } from './run-inputs.ts'

/** Inputs of the source that were not taken over: as many as an answer lists. */
const MOST_LEFT_OUT = 100

export const forkedOutput = z.strictObject({
  run_id: z.string(),
  swarm_id: z.string().nullable(),
  status: z.string(),
  forked_from: z.strictObject({
    run: z.string(),
    seq: z.number().meta({ description: 'Number of the last event of the source that both runs share' }),
  }),
  left_out: z.strictObject({
    total: z.number(),
    items: z.array(z.strictObject({ seq: z.number(), type: z.string(), about: z.string(), reason: z.string() })),
  }),
})

export type ForkWish = {
  at?: number
  before_stage?: string
  definition?: string | object
  inputs?: { [name: string]: Json }
}

/** Forks a run under the request's own id, if it has one. Nothing is made unless definition and inputs fit. */
export async function forkedRun(
  context: OperationContext,
  source: RunRow,
  { at, before_stage, definition, inputs = {} }: ForkWish,
): Promise<Result<z.output<typeof forkedOutput>>> {
  const edited = definition === undefined ? ok(null) : await editedDefinition(context, definition)
  if (!edited.ok) return edited
  const used =
    edited.value?.definition ??
    (source.definition === null ? null : ((await context.store.definitions.get(source.definition))?.definition ?? null))
  const fitting = used === null ? ok(inputs) : await fittingInputs(context, source, used, inputs)
  if (!fitting.ok) return fitting

  const run = newRunId(context)
  const forked = await context.runs.fork({
    source: source.id,
    by: context.actor,
    ...(at !== undefined && { at }),
    ...(before_stage !== undefined && { before_stage }),
    ...(edited.value !== null && { definition: edited.value.hash }),
    ...(Object.keys(fitting.value).length > 0 && { inputs: fitting.value }),
    ...(run !== undefined && { run }),
  })
  if (forked.ok)
    return ok(await answer(context, source, forked.value.run, forked.value.forked_from, forked.value.left_out))
  if (run === undefined || forked.failure.kind !== 'conflict') return forked
  // The same request made it before, and died before it could answer.
  const made = (await context.store.runs.get(run)) === null ? null : (await foldedRun(context.store, run)).forked_from
  return made?.run === source.id ? ok(await answer(context, source, run, { run: made.run, seq: made.seq }, [])) : forked
}

async function answer(
  context: OperationContext,
  source: RunRow,
  run: string,
  forked_from: { run: string; seq: number },
  left_out: z.output<typeof forkedOutput>['left_out']['items'],
): Promise<z.output<typeof forkedOutput>> {
  return {
    run_id: run,
    swarm_id: source.kind === 'swarm' ? swarmId(run) : null,
    status: (await context.store.runs.get(run))?.status ?? 'queued',
    forked_from,
    left_out: { total: left_out.length, items: left_out.slice(0, MOST_LEFT_OUT) },
  }
}

async function editedDefinition(
  context: OperationContext,
  given: string | object,
): Promise<Result<{ hash: string; definition: Definition }>> {
  if (typeof given === 'string' && isReference(given)) return storedDefinition(context, given)
  const checked = await checkedDefinition(context, given)
  return checked.ok
    ? ok(await context.store.definitions.put(checked.value, context.actor, 'edited for a fork'))
    : checked
}

/** What is given is checked as for a new run; what the source has counts as given. */
async function fittingInputs(
  context: OperationContext,
  source: RunRow,
  definition: Definition,
  given: { [name: string]: Json },
): Promise<Result<{ [name: string]: Json }>> {
  const [started] = await context.store.events.read(source.id, 0, 1)
  if (started?.type !== 'run_started')
    return fail('conflict', `the log of run ${source.id} does not begin with run_started`, {
      field: 'id',
      value: source.id,
    })
  const declared = Object.entries(definition.inputs ?? {}).map(([name, declaration]) =>
    Object.hasOwn(started.data.inputs, name)
      ? ([name, { ...declaration, required: false }] as const)
      : ([name, declaration] as const),
  )
  return runInputs({ ...definition, inputs: Object.fromEntries(declared) }, null, given)
}
