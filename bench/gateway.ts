/**
 * What the gateway's endpoint costs: a call through it beside the same call to the host directly.
 *
 * What is measured: from the request to the last byte of the answer, over kept connections, one call after the other and
 * 20 at once; host, API, endpoint, model gateway and database are real, host and client run in processes
 * of their own. The host answers at once, so that nothing but the way there and back is seen. Per call: an answer of
 * one token. Per streamed token: what 1,000 more tokens add, divided by 1,000. Rounds are interleaved: direct, OpenAI's
 * dialect, Ollama's dialect; medians over the rounds, each round the median of its calls.
 * What is not: a model. One on a CPU takes some 10 ms for a token and 100 ms for a prompt.
 *
 * Usage: npm run bench -- gateway [rounds]
 */
import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { Agent, request } from 'undici'
import { MODEL, openWorkshop } from '../test/gateway/gateway-workshop.ts'
import { modelHostStandIn } from '../test/gateway/model-host.stand-in.ts'

const CALLS = 60
const TOKENS = 1_000
const AT_ONCE = 20

const [role, address] = process.argv.slice(2)
if (role === 'host') {
  const host = await modelHostStandIn()
  process.send?.(host.url)
  process.on('disconnect', () => process.exit(0))
} else if (role === 'gateway' && address !== undefined) {
  const shop = await openWorkshop({ host_url: address })
  const { key, openai_url, ollama_url } = await shop.attempt({ budget: { tokens: 1_000_000_000 } })
  process.send?.({ key, openai_url, ollama_url })
  process.on('disconnect', () => process.exit(0))
} else await main()

async function child(...args: string[]): Promise<{ process: ChildProcess; said: unknown }> {
  const started = fork(import.meta.filename, args, { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] })
  const [said] = await once(started, 'message')
  return { process: started, said }
}

async function main(): Promise<void> {
  const rounds = Number(role ?? 5)
  const host = await child('host')
  const gateway = await child('gateway', String(host.said))
  const { key, openai_url, ollama_url } = gateway.said as { key: string; openai_url: string; ollama_url: string }
  const dispatcher = new Agent({ connections: AT_ONCE, pipelining: 1 })

  const ways = {
    direct: {
      url: `${host.said}/v1/chat/completions`,
      model: 'small',
      more: { stream_options: { include_usage: true } },
    },
    openai: { url: `${openai_url}/chat/completions`, model: MODEL, more: { stream_options: { include_usage: true } } },
    ollama: { url: `${ollama_url}/api/chat`, model: MODEL, more: {} },
  }
  type Way = keyof typeof ways

  const call = async (way: Way, tokens: number): Promise<number> => {
    const { url, model, more } = ways[way]
    const began = performance.now()
    const answer = await request(url, {
      method: 'POST',
      dispatcher,
      headers: { 'content-type': 'application/json', authorization: `Bearer ${key}` },
      body: JSON.stringify({ model, stream: true, messages: [{ role: 'user', content: `count ${tokens}` }], ...more }),
    })
    const text = await answer.body.text()
    if (answer.statusCode !== 200 || !text.includes(`w${tokens - 1} `))
      throw new Error(`${way}: ${answer.statusCode} ${text.slice(0, 300)}`)
    return performance.now() - began
  }

  const median = (values: number[]): number =>
    [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN
  const repeat = async (way: Way, tokens: number, calls: number): Promise<number> => {
    const times: number[] = []
    for (let i = 0; i < calls; i++) times.push(await call(way, tokens))
    return median(times)
  }
  const atOnce = async (way: Way): Promise<number> => {
    const began = performance.now()
    await Promise.all(
      Array.from({ length: AT_ONCE }, async () => {
        for (let i = 0; i < 10; i++) await call(way, 1)
      }),
    )
    return (AT_ONCE * 10 * 1_000) / (performance.now() - began)
  }

  const names = Object.keys(ways) as Way[]
  const seen = Object.fromEntries(names.map((way) => [way, { one: [], token: [], rate: [] }])) as unknown as Record<
    Way,
    { one: number[]; token: number[]; rate: number[] }
  >
  for (const way of names) await repeat(way, 10, 20)
  for (let round = 0; round < rounds; round++) {
    for (const way of names) {
      const one = await repeat(way, 1, CALLS)
      const many = await repeat(way, TOKENS + 1, 5)
      seen[way].one.push(one)
      seen[way].token.push(((many - one) * 1_000) / TOKENS)
      seen[way].rate.push(await atOnce(way))
    }
  }

  const direct = { one: median(seen.direct.one), token: median(seen.direct.token) }
  console.log(
    `${rounds} rounds, medians; per round ${CALLS} calls of one token, 5 of ${TOKENS + 1}, 200 calls 20 at once`,
  )
  console.log(
    '| way | a call of one token, ms | more than direct, ms | a streamed token, µs | more than direct, µs | calls/s, 20 at once |',
  )
  console.log('| --- | ---: | ---: | ---: | ---: | ---: |')
  for (const way of names) {
    const one = median(seen[way].one)
    const token = median(seen[way].token)
    console.log(
      `| ${way} | ${one.toFixed(2)} | ${(one - direct.one).toFixed(2)} | ${token.toFixed(1)} | ${(token - direct.token).toFixed(1)} | ${median(seen[way].rate).toFixed(0)} |`,
    )
  }
  host.process.disconnect()
  gateway.process.disconnect()
  await dispatcher.close()
}
