import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { examine } from './examine.ts'
import type { Finding } from './finding.ts'
import { createObserver, type History, type Observer, type SeenMessage } from './observer.ts'
import type { EvidenceKind, Phase } from './record.ts'

const unknown: History = { known: () => null, doubts: () => 0, took: () => {} }
const observer = (evidence: readonly EvidenceKind[] | null = null, history: History = unknown): Observer =>
  createObserver({ evidence, silence: 120_000, timeout: 300_000, history })

type Said = { text?: string; call?: { name: string; arguments: string } }

/**
 * An agent in a loop with a model and its tools: asks, does what the model wants, tells it what came of it. Answers with
 * the finding, after which turn, and the record at that moment.
 */
function play(
  model: (turn: number, heard: string) => Said,
  tool: (call: { name: string; arguments: string }, turn: number) => string,
  { turns = 60, evidence = null as readonly EvidenceKind[] | null, nudge = 'Go on.', scratchpad = false } = {},
): { turn: number; finding: Finding; seen: Observer } | null {
  const seen = observer(evidence)
  const messages: SeenMessage[] = [{ role: 'user', content: 'Find the port that the service listens on.' }]
  seen.granted(0, (text) => text)
  let at = 0
  let heard = ''
  for (let turn = 0; turn < turns; turn++) {
    at += 100
    seen.asked(at, turn, scratchpad ? [{ role: 'user', content: messages.map((m) => m.content).join('\n') }] : messages)
    const finding = examine(seen.record(), at)
    if (finding !== null) return { turn, finding, seen }
    const said = model(turn, heard)
    const tool_calls = said.call === undefined ? [] : [said.call]
    seen.streamed(at + 50, turn)
    at += 100
    seen.answered(at, turn, { text: said.text ?? '', tool_calls, model: 'host/m' })
    messages.push({ role: 'assistant', content: said.text ?? '', tool_calls })
    heard = said.call === undefined ? nudge : tool(said.call, turn)
    if (scratchpad && said.call !== undefined)
      messages.push({ role: 'assistant', content: `${said.call.name}(${said.call.arguments})` })
    if (heard !== '') messages.push({ role: said.call === undefined ? 'user' : 'tool', content: heard })
  }
  return null
}

const call = (name: string, query: string): Said => ({ call: { name, arguments: JSON.stringify({ query }) } })

describe('loops through a model', () => {
  test('the same call with the same result ends after four', () => {
    const found = play(
      () => call('lookup', 'port'),
      () => 'no entry',
    )
    assert.equal(found?.finding.detector, 'same_call')
    assert.equal(found?.turn, 4)
    assert.match(found?.finding.message ?? '', /lookup\(.*port.*\) → no entry/)
    assert.deepEqual(found?.finding.models, ['host/m'])
  })

  test('an error ends it after three', () => {
    const found = play(
      () => call('lookup', 'port'),
      (_, turn) => `error 503: busy, request ${turn}`,
    )
    assert.equal(found?.finding.detector, 'same_call')
    assert.equal(found?.turn, 3)
  })

  test('two calls in turns end after six, three after nine', () => {
    const two = play(
      (turn) => call('lookup', turn % 2 === 0 ? 'east' : 'west'),
      () => 'see the other register',
    )
    assert.deepEqual([two?.finding.detector, two?.turn], ['alternating', 6])
    const three = play(
      (turn) => call('lookup', `register ${turn % 3}`),
      ({ arguments: a }) => `nothing in ${a}`,
    )
    assert.deepEqual([three?.finding.detector, three?.turn], ['alternating', 9])
  })

  test('an agent that writes all it knows into one message is understood as well', () => {
    const found = play(
      () => ({ text: 'I look.', ...call('lookup', 'port') }),
      () => 'no entry',
      { scratchpad: true },
    )
    assert.equal(found?.finding.detector, 'same_call')
    assert.ok((found?.turn ?? 99) <= 6, String(found?.turn))
  })

  test('the same in other words each time, while the result repeats the question', () => {
    const words = ['entry', 'record', 'line', 'item', 'register', 'again', 'once more', 'carefully']
    const found = play(
      (turn) => {
        const [a, b, c] = [words[turn % 8], words[(turn * 3 + 1) % 8], words[(turn * 5 + 2) % 8]]
        return {
          text: `Let me look for the ${a} of the ${b} ${c}, it must be there.`,
          ...call('lookup', `${a} ${b} ${c}`),
        }
      },
      ({ arguments: given }) => `Nothing was found for: ${given}`,
    )
    assert.ok(
      found?.finding.detector === 'no_evidence' || found?.finding.detector === 'alternating',
      JSON.stringify(found),
    )
    assert.ok((found?.turn ?? 99) <= 20, String(found?.turn))
  })

  test('the same words without an answer in between', () => {
    const found = play(
      () => ({ text: 'I will look for it.' }),
      () => '',
      { nudge: '' },
    )
    assert.deepEqual([found?.finding.detector, found?.turn], ['same_call', 3])
  })

  test('the same request with the same answer, each time anew', () => {
    const seen = observer()
    const asked = [{ role: 'user', content: 'What next?' }]
    for (let turn = 0; ; turn++) {
      seen.asked(turn, turn, asked)
      const finding = examine(seen.record(), turn)
      if (finding !== null) return assert.deepEqual([finding.detector, turn], ['same_call', 4])
      seen.answered(turn, turn, { text: 'Look it up.', tool_calls: [], model: 'host/m' })
      assert.ok(turn < 10)
    }
  })
})

describe('what a task declares as evidence', () => {
  const edits = (turn: number): Said => ({ call: { name: 'write', arguments: `version ${turn}: ${prose(turn)}` } })
  const prose = (seed: number): string =>
    Array.from({ length: 30 }, (_, i) => ((seed + 1) * 7_919 * (i + 13)).toString(36)).join(' ')

  test('new artifacts are none where a check has to change', () => {
    const check = play(
      (turn) => (turn % 2 === 0 ? edits(turn) : call('test', 'all')),
      ({ name }) => (name === 'test' ? '3 of 9 tests pass' : 'written'),
      { evidence: ['check'] },
    )
    assert.equal(check?.finding.detector, 'no_evidence')
    assert.match(check?.finding.message ?? '', /check/)
    const artifact = play(
      (turn) => (turn % 2 === 0 ? edits(turn) : call('test', 'all')),
      ({ name }) => (name === 'test' ? '3 of 9 tests pass' : 'written'),
      { evidence: ['artifact'] },
    )
    assert.equal(artifact, null)
  })

  test('a changed number is a new result of a check, and no new fact', () => {
    const log = (turn: number) => `${prose(1)} ${prose(2)} ${prose(3)} and ${turn} of 99 pass ${prose(4)}`
    const act = (turn: number) => call('test', `run ${turn % 5}`)
    assert.equal(
      play(act, (_, turn) => log(turn), { evidence: ['check'] }),
      null,
    )
    assert.equal(play(act, (_, turn) => log(turn), { evidence: ['fact'] })?.finding.detector, 'no_evidence')
  })
})

describe('healthy work', () => {
  const prose = (seed: number, n = 40): string =>
    Array.from({ length: n }, (_, i) => ((seed + 3) * 104_729 * (i + 17)).toString(36)).join(' ')

  test('polling, reading, writing with a nudge, editing and testing are not found', () => {
    const poll = play(
      () => call('status', 'job'),
      (_, turn) => `running, ${turn} % done`,
    )
    const read = play(
      (turn) => call('read', `page ${turn}`),
      (_, turn) => prose(turn),
    )
    const write = play(
      (turn) => ({ text: prose(turn, 120) }),
      () => '',
    )
    const edit = play(
      (turn) => (turn % 2 ? call('test', 'all') : call('edit', prose(turn, 12))),
      ({ name }, turn) => (name === 'test' ? `${turn} of 60 tests pass` : 'written'),
    )
    const files = play(
      (turn) => call('write_file', `src/file_${turn}.ts ${prose(turn, 30)}`),
      () => 'ok',
    )
    assert.deepEqual([poll, read, write, edit, files], [null, null, null, null, null])
  })

  test('side by side: the same question to several samples at once is no repetition', () => {
    const seen = observer()
    for (let round = 0; round < 5; round++) {
      for (let n = 0; n < 8; n++) seen.asked(round, round * 8 + n, [{ role: 'user', content: 'Yes or no?' }])
      for (let n = 0; n < 8; n++) seen.answered(round, round * 8 + n, { text: 'yes', tool_calls: [], model: 'host/m' })
      assert.equal(examine(seen.record(), round), null)
    }
  })

  test('random work whose results are new each time is not found, whatever is declared', () => {
    const kinds = fc.constantFrom<EvidenceKind[] | null>(null, ['check'], ['fact'], ['check', 'artifact'])
    const work = fc.array(fc.record({ tool: fc.constantFrom('a', 'b', 'c'), query: fc.string() }), {
      minLength: 1,
      maxLength: 50,
    })
    fc.assert(
      fc.property(work, kinds, (acts, evidence) => {
        const found = play(
          (turn) => call(acts[turn]?.tool ?? 'a', acts[turn]?.query ?? ''),
          (_, turn) => `result ${prose(turn, 12)}`,
          { turns: acts.length, evidence },
        )
        assert.equal(found, null)
      }),
      { numRuns: 20 },
    )
  })
})

describe('the record', () => {
  test('is bounded, whatever comes', () => {
    const seen = observer()
    const big = 'x y z '.repeat(30_000)
    for (let turn = 0; turn < 300; turn++) {
      seen.asked(turn, turn, [{ role: 'user', content: `${turn} ${big}` }])
      for (let n = 0; n < 10; n++) seen.streamed(turn, turn)
      seen.answered(turn, turn, { text: `${big} ${turn}`, tool_calls: [], model: `host/m${turn}` })
      seen.noted(turn, `${big}${turn}`)
    }
    assert.ok(JSON.stringify(seen.record()).length < 40_000)
    assert.equal(seen.record().step_count, 299)
  })

  test('asked again, written down and read back, the detectors say the same', () => {
    const found = play(
      () => call('lookup', 'port'),
      () => 'no entry',
    )
    assert.ok(found !== null)
    const at = 100 + found.turn * 200
    const read_back = JSON.parse(JSON.stringify(found.seen.record())) as ReturnType<Observer['record']>
    assert.deepEqual(examine(read_back, at), found.finding)
  })

  test('excerpts go through what hides secrets, before they are cut', () => {
    const seen = observer()
    seen.granted(0, (text) => text.replaceAll('s3cr3t-token', '[secret]'))
    const long = `${'a'.repeat(150)} s3cr3t-token`
    for (let turn = 0; turn < 3; turn++) {
      seen.asked(turn, turn, [{ role: 'user', content: long }])
      seen.answered(turn, turn, { text: long, tool_calls: [], model: 'host/m' })
    }
    assert.doesNotMatch(JSON.stringify(seen.record()), /s3cr3t/)
  })
})

describe('signs of life', () => {
  const limitIn = (seen: Observer): number | null => seen.record().quiet.limit
  test('who promised none is left to the time-out; who holds a key, streams or uses tools is not', () => {
    const seen = observer()
    assert.equal(limitIn(seen), null)
    seen.granted(0, (text) => text)
    assert.equal(limitIn(seen), 120_000)
    seen.asked(1_000, 1, [{ role: 'user', content: 'a' }])
    assert.deepEqual([seen.record().quiet.phase, limitIn(seen)], ['first_token', 150_000])
    seen.waits(2_000, 1)
    assert.deepEqual([seen.record().quiet.phase, limitIn(seen)], ['queue', null])
    seen.sent(3_000, 1)
    seen.streamed(4_000, 1)
    assert.deepEqual([seen.record().quiet.phase, limitIn(seen)], ['stream', 120_000])
    assert.equal(examine(seen.record(), 123_999), null)
    assert.equal(examine(seen.record(), 124_000)?.detector, 'stalled_stream')
    seen.answered(5_000, 1, { text: 'b', tool_calls: [], model: 'host/m' })
    assert.equal(examine(seen.record(), 125_000)?.detector, 'silence')
    assert.match(examine(seen.record(), 125_000)?.message ?? '', /120 s since the model answered/)
  })

  test('a slow agent gets the time that it took before, and longer after each doubt', () => {
    const history = (mean: number, doubts = 0): History => ({
      known: () => ({ mean, sd: mean / 4, n: 20 }),
      doubts: (phase: Phase) => (phase === 'stream' ? doubts : 0),
      took: () => {},
    })
    const limitOf = (with_history: History): number | null => {
      const seen = createObserver({ evidence: null, silence: 10_000, timeout: 600_000, history: with_history })
      seen.asked(0, 1, [{ role: 'user', content: 'a' }])
      seen.streamed(1, 1)
      return limitIn(seen)
    }
    assert.equal(limitOf(history(12)), 10_000, 'never below silence')
    assert.equal(limitOf(history(8_000)), Math.round(8_000 + 5.2283 * 2_000))
    assert.equal(limitOf(history(12, 2)), 40_000)
    assert.equal(limitOf(history(400_000)), null, 'beyond the time-out there is only the time-out')
  })

  test('who only repeats itself has no life of its own', () => {
    const seen = observer()
    seen.granted(0, (text) => text)
    seen.asked(0, 1, [{ role: 'user', content: 'a' }])
    seen.answered(1, 1, { text: 'b', tool_calls: [{ name: 'run', arguments: '{}' }], model: 'host/m' })
    let at = 0
    while (examine(seen.record(), at) === null && at < 3_600_000) {
      at += 30_000
      seen.noted(at, 'still working')
    }
    assert.equal(examine(seen.record(), at)?.detector, 'no_evidence')
    assert.ok(at >= 360_000 && at <= 450_000, String(at))
  })
})
