import { z } from 'zod'
import { ok } from '../failure.ts'
import { LEAST_GROUPS, meanInterval } from '../metrics/mean-interval.ts'
import type { RunRow, Store } from '../store/store.ts'
import { defineOperation } from './define-operation.ts'

const metric = z.strictObject({
  value: z.number().nullable(),
  range: z.tuple([z.number(), z.number()]).nullable(),
  n: z.number().meta({ description: 'Sample: what is counted says `definition`' }),
  interval: z.tuple([z.number(), z.number()]).nullable().meta({ description: '95 %' }),
  definition: z.string(),
  reason: z.string().nullable().meta({ description: 'Why value or interval is null' }),
})
type Metric = z.output<typeof metric>

/** Runs that are looked at. */
const RUNS = 50
const LEAST_STAGES = 30
const LEAST_VOTES = 50

export const intelligence_metrics = defineOperation({
  name: 'intelligence_metrics',
  method: 'GET',
  path: '/intelligence_metrics',
  summary: 'Collective metrics, each with definition, range, sample and interval',
  description:
    'A value that cannot be measured yet is null, and `reason` says what it needs. None of them says that an answer is right.',
  needs: 'system:read',
  input: z.strictObject({}),
  output: z.strictObject({
    coherence: metric,
    integration: metric,
    emergence: metric,
    diversity: metric,
    calibration: metric,
    system_state_level: metric,
    agent_contributions: metric,
  }),
  run: async (context) => {
    const runs = await context.store.runs.list({
      status: ['completed', 'partial', 'failed'],
      limit: RUNS,
      order: 'newest',
    })
    const samples: Sample[] = []
    for (const run of runs.items) samples.push(await sampleOf(context.store, run))
    return ok({
      coherence: sampled(
        samples.map((sample) => sample.agreements),
        LEAST_STAGES,
        'stages',
        `Mean agreement of the outputs of a stage (mean pairwise cosine of their word counts) over the stages with at least 2 outputs in the last ${RUNS} ended runs; interval: bootstrap over runs. Likeness in wording, not correctness.`,
      ),
      diversity: sampled(
        samples.map((sample) => sample.disagreements),
        LEAST_VOTES,
        'votes',
        `Mean probability that two ballots of a vote differ, over the votes with at least 2 valid ballots in the last ${RUNS} ended runs; interval: bootstrap over runs.`,
      ),
      integration: unmeasured(
        [0, 1],
        'Normalised total correlation of the answers of a fixed group of agents over repeated rounds.',
        'needs 5 rounds for each combination of answers of one fixed group of agents, has 0: no such rounds are recorded',
      ),
      emergence: unmeasured(
        [-1, 1],
        'Accuracy of the collective minus that of its best single member at equal cost, on held-out items; interval: paired bootstrap.',
        'needs 50 items with a known answer that both the collective and its best member worked on, has 0',
      ),
      calibration: unmeasured(
        [0, 1],
        'Brier score of stated confidence against outcome; 0 is best.',
        'needs 100 answers with a stated confidence and a known outcome, has 0',
      ),
      system_state_level: unmeasured(
        [0, 1],
        'Mean of coherence, integration and emergence scaled to [0, 1], where all three have a value.',
        'needs a value of integration and emergence, which have none',
      ),
      agent_contributions: unmeasured(
        null,
        'Shapley value of each agent: its mean marginal gain in accuracy over all coalitions.',
        'needs 50 items with a known answer and the answers of all members, has 0',
      ),
    })
  },
})

function sampled(groups: number[][], least: number, of: string, definition: string): Metric {
  const { mean, n, groups: runs, interval } = meanInterval(groups)
  const base = { range: [0, 1] as [number, number], n, definition }
  if (mean === null || n < least)
    return { ...base, value: null, interval: null, reason: `needs ${least} ${of}, has ${n}` }
  return {
    ...base,
    value: mean,
    interval,
    reason: interval === null ? `an interval needs ${of} of ${LEAST_GROUPS} runs, has ${runs}` : null,
  }
}

const unmeasured = (range: [number, number] | null, definition: string, reason: string): Metric => ({
  value: null,
  range,
  n: 0,
  interval: null,
  definition,
  reason,
})

type Sample = { agreements: number[]; disagreements: number[] }

/** Ended runs do not change, so each is read once. */
const samplesOf = new WeakMap<Store, Map<string, Sample>>()
const KEPT = 10 * RUNS
const PAGE = 1_000
/** Events of one run that are looked at: a run with a hundred thousand loops shall not weigh more than all others, nor hold up the answer. */
const MOST_EVENTS = 20_000

async function sampleOf(store: Store, { id: run, created_at }: RunRow): Promise<Sample> {
  const known = samplesOf.get(store) ?? new Map<string, Sample>()
  samplesOf.set(store, known)
  const kept = known.get(run)
  if (kept !== undefined) return kept
  const sample: Sample = { agreements: [], disagreements: [] }
  // What a fork shares with its source is counted there; it carries moments before the fork was made (workflow/fork.ts).
  let shared_until = 0
  for (let after = 0, read = 0; read < MOST_EVENTS; ) {
    const events = await store.events.read(run, after, PAGE)
    for (const event of events) {
      if (event.type === 'run_started' && event.data.forked_from !== undefined) shared_until = created_at
      if (event.at <= shared_until) continue
      if (event.type === 'collected' && event.data.metrics.agreement !== null)
        sample.agreements.push(event.data.metrics.agreement)
      if (event.type === 'vote_closed' && event.data.result.valid >= 2)
        sample.disagreements.push(disagreement(Object.values(event.data.result.counts)))
    }
    read += events.length
    after = events.at(-1)?.seq ?? after
    if (events.length < PAGE) break
  }
  if (known.size >= KEPT) known.delete(known.keys().next().value as string)
  known.set(run, sample)
  return sample
}

/** Probability that two different ballots, drawn at random, name different options. */
function disagreement(counts: number[]): number {
  const n = counts.reduce((a, b) => a + b, 0)
  return 1 - counts.reduce((same, k) => same + (k * (k - 1)) / (n * (n - 1)), 0)
}
