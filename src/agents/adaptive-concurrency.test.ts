import assert from 'node:assert/strict'
import { test } from 'node:test'
import { aimd, hostAimd, netflixAimd } from './adaptive-concurrency.ts'

test('AIMD: the published trace with refusals at steps 6 and 10', () => {
  let limit = 20
  const trace = Array.from({ length: 12 }, (_, i) => {
    limit = aimd(limit, { dropped: i === 5 || i === 9, rtt_ms: 10, in_flight: limit }, netflixAimd)
    return limit
  })
  assert.deepEqual(trace, [21, 22, 23, 24, 25, 22, 23, 24, 25, 22, 23, 24])
})

const cases: [
  string,
  number,
  { dropped: boolean; rtt_ms: number; in_flight: number },
  ReturnType<typeof hostAimd>,
  number,
][] = [
  ['half in use grows', 20, { dropped: false, rtt_ms: 1, in_flight: 10 }, netflixAimd, 21],
  ['less than half stays', 20, { dropped: false, rtt_ms: 1, in_flight: 9 }, netflixAimd, 20],
  ['a call of over 5 s counts as refused', 100, { dropped: false, rtt_ms: 5_001, in_flight: 100 }, netflixAimd, 90],
  ['never below 20 there', 20, { dropped: true, rtt_ms: 1, in_flight: 20 }, netflixAimd, 20],
  ['never above 200 there', 200, { dropped: false, rtt_ms: 1, in_flight: 200 }, netflixAimd, 200],
  ['a host of ours may go down to one', 2, { dropped: true, rtt_ms: 1, in_flight: 2 }, hostAimd(8), 1],
  ['but never to none', 1, { dropped: true, rtt_ms: 1, in_flight: 1 }, hostAimd(8), 1],
  ['and not above what was declared', 8, { dropped: false, rtt_ms: 1, in_flight: 8 }, hostAimd(8), 8],
  ['a long answer is no congestion', 4, { dropped: false, rtt_ms: 240_000, in_flight: 4 }, hostAimd(8), 5],
]
for (const [name, limit, sample, settings, expected] of cases) {
  test(`AIMD: ${name}`, () => assert.equal(aimd(limit, sample, settings), expected))
}
