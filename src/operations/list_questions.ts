import { z } from 'zod'
import { ok } from '../failure.ts'
import type { Store } from '../store/store.ts'
import type { RunView } from '../workflow/run-view-shape.ts'
import type { Value } from '../workflow/value.ts'
import { defineOperation } from './define-operation.ts'
import { foldedRun } from './folded-run.ts'
import { runStatus } from './list_runs.ts'

/** Runs that may ask something, looked at in one answer; the oldest first. */
const MOST_RUNS = 500

const run = z.strictObject({
  id: z.string(),
  goal: z.string().nullable(),
  definition: z.string().nullable(),
  status: runStatus,
  created_at: z.number(),
  by: z.string(),
})
const question = z.discriminatedUnion('kind', [
  z.strictObject({
    kind: z.literal('approval'),
    run,
    id: z.string().meta({ description: 'Answer with POST /runs/{id}/approvals/{approval}' }),
    stage: z.string(),
    task: z.string().optional(),
    question: z.string(),
    show: z.unknown(),
    asked_at: z.number(),
    due: z.number(),
    default: z.enum(['approve', 'refuse']).meta({ description: 'What counts when nobody answers in time' }),
  }),
  z.strictObject({
    kind: z.literal('effect'),
    run,
    id: z.string().meta({ description: 'Answer with POST /runs/{id}/effects' }),
    question: z.string(),
    agent: z.string().nullable(),
    failure: z.looseObject({ kind: z.string(), message: z.string() }).nullable(),
    asked_at: z.number(),
    due: z.null().meta({ description: 'It waits as long as it takes: nothing is done by default' }),
  }),
  z.strictObject({
    kind: z.literal('signal'),
    run,
    id: z.string().meta({ description: 'Answer with POST /runs/{id}/signals/{name}' }),
    stage: z.string(),
    due: z.number().meta({ description: 'Then the stage ends without the signal' }),
  }),
])
type Question =
  | (Omit<z.output<typeof question> & { kind: 'approval' }, 'show'> & { show: Value })
  | (z.output<typeof question> & { kind: 'effect' | 'signal' })

export const list_questions = defineOperation({
  name: 'list_questions',
  method: 'GET',
  path: '/questions',
  summary: 'Everything that waits for a person, the most urgent first',
  description:
    'Open approvals, effects that were interrupted and may have happened, and signals that runs wait for; of all runs, with all that is needed to decide.',
  needs: 'runs:read',
  input: z.strictObject({
    kind: z
      .array(z.enum(['approval', 'effect', 'signal']))
      .max(3)
      .optional(),
    limit: z.int().min(1).max(500).default(100),
  }),
  output: z.strictObject({
    items: z.array(question),
    total: z.number(),
    runs_left_out: z
      .boolean()
      .meta({ description: `More than ${MOST_RUNS} runs may ask something; the oldest were looked at` }),
  }),
  run: async (context, { kind, limit }) => {
    const open = await context.store.runs.asking(MOST_RUNS + 1)
    const found: Question[] = []
    for (const { id, seq } of open.slice(0, MOST_RUNS)) found.push(...(await questionsOf(context.store, id, seq)))
    const items = found
      .filter((each) => kind === undefined || kind.includes(each.kind))
      .sort((a, b) => (a.due ?? 0) - (b.due ?? 0) || (a.run.id < b.run.id ? -1 : 1))
    return ok({ items: items.slice(0, limit), total: items.length, runs_left_out: open.length > MOST_RUNS })
  },
})

/** What was found in a run holds until its next event. */
const kept = new WeakMap<Store, Map<string, { seq: number; questions: Question[] }>>()

async function questionsOf(store: Store, id: string, seq: number): Promise<Question[]> {
  const known = kept.get(store) ?? new Map<string, { seq: number; questions: Question[] }>()
  kept.set(store, known)
  const before = known.get(id)
  if (before?.seq === seq) return before.questions
  const row = await store.runs.get(id)
  if (row === null || row.ended_at !== null) return []
  const view = await foldedRun(store, id)
  const of = {
    id,
    goal: view.goal ?? row.goal,
    definition: view.definition?.name ?? row.definition_name,
    status: row.status,
    created_at: row.created_at,
    by: view.by,
  }
  const questions: Question[] = [
    ...view.approvals.map(({ approval, requested_at, ...rest }) => ({
      kind: 'approval' as const,
      run: of,
      id: approval,
      asked_at: requested_at,
      ...rest,
    })),
    ...view.effect_questions.map(({ task, question: text, asked_at }) => ({
      kind: 'effect' as const,
      run: of,
      id: task,
      question: text,
      asked_at,
      due: null,
      ...askedAbout(view, task),
    })),
    ...view.waits.map(({ stage, signal, due }) => ({ kind: 'signal' as const, run: of, id: signal, stage, due })),
  ]
  known.delete(id)
  known.set(id, { seq, questions })
  for (const oldest of known.keys()) {
    if (known.size <= 2 * MOST_RUNS) break
    known.delete(oldest)
  }
  return questions
}

function askedAbout(view: RunView, address: string): Pick<Question & { kind: 'effect' }, 'agent' | 'failure'> {
  const task = view.stages.flatMap((stage) => stage.tasks).find((each) => each.address === address)
  const last = task?.attempts.at(-1)
  return { agent: task?.agent ?? last?.agent ?? null, failure: task?.failure ?? last?.failure ?? null }
}
