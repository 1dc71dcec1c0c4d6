/**
 * Effects through the program as a person starts it: replies are lost, the program is killed in the middle of requests,
 * questions are answered through the API by somebody who looks at the destination.
 */
import { rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { call, freePort, type Product, startProduct, until } from '../e2e/running-product.ts'
import { diceOf } from '../simulation/dice.ts'
import { builtLines, effectAgents, effectDefinition } from './effect-agents.ts'
import { type EffectTally, emptyTally, isExact } from './effect-restarts.ts'
import { type Asked, effectKinds, type Fault, openOutsideLedger } from './outside-ledger.ts'

/** Tasks of each kind in one run. */
const OF_A_KIND = 5
/** Below what opens breakers and uses up the budget of retries. */
const LOSS_RATE = 0.15
const SETTLED = new Set(['completed', 'partial', 'failed', 'cancelled'])

type RunSeen = {
  status: string
  reason: string
  effect_questions: { task: string; question: string; asked_at: number }[]
  stages: { tasks: { address: string; state: string; output: unknown }[] }[]
}

/**
 * @param folder where data and configuration go
 * @param losses replies to be lost, at least
 * @param kills times that the program is killed while it waits for an answer
 */
export async function effectRuns(
  folder: string,
  seed: number,
  losses: number,
  kills: number,
  progress: (text: string) => void,
): Promise<EffectTally> {
  const dice = diceOf(seed)
  const tally = emptyTally()
  const safe = (): number => tally.faults.payment + tally.faults.thread + tally.faults.build
  /** The request, counted from now, that is not answered any more because the program is killed. */
  let killAt: { left: number; fault: Fault } | null = null
  let killed = Promise.withResolvers<void>()
  let lossy = true
  const decide = (_: Asked): Fault => {
    if (killAt !== null && --killAt.left === 0) return killAt.fault
    return lossy && dice.chance(LOSS_RATE) ? dice.one(['lost_before', 'lost_after', 'gateway_after']) : 'none'
  }
  const ledger = await openOutsideLedger(decide, (fault, { kind }) => {
    tally.faults[kind]++
    if (fault.startsWith('held')) killed.resolve()
  })
  writeFileSync(
    join(folder, 'quorate.yaml'),
    JSON.stringify({
      models: { ollama_url: 'http://127.0.0.1:1', local: { enabled: false } },
      outbound: { allow: ['127.0.0.1'] },
      agents: effectAgents(ledger.url),
    }),
  )
  const port = await freePort()
  let product: Product = await startProduct(folder, port)

  const answered = new Set<string>()
  const answer = async (run: string, seen: RunSeen): Promise<void> => {
    for (const { task, question, asked_at } of seen.effect_questions) {
      const id = `${run}/${task}@${asked_at}`
      if (answered.has(id)) continue
      const happened = ledger.happened(`${run}/${task}`) > 0
      const told = await call(product, 'POST', `/runs/${run}/effects`, { task, happened, comment: 'looked at it' })
      if (told.status !== 202) throw new Error(`the answer was refused: ${JSON.stringify(told.body)}`)
      answered.add(id)
      tally.questions++
      tally.answered[happened ? 'yes' : 'no']++
      if (!isExact(question, run, task)) tally.inexact.push(question)
    }
  }

  const settle = async (run: string): Promise<void> => {
    const look = async (): Promise<RunSeen> => {
      const seen = (await call(product, 'GET', `/runs/${run}`)).body as unknown as RunSeen
      await answer(run, seen)
      return seen
    }
    const seen = await until(look, ({ status }) => SETTLED.has(status), 180_000)
    if (seen.status !== 'completed') tally.failed.push(`${run}: ${seen.status}, ${seen.reason}`)
    for (const task of seen.stages.flatMap(({ tasks }) => tasks)) {
      const intent = `${run}/${task.address}`
      const times = task.address.includes('/build_') ? builtLines(task.output, intent) : ledger.happened(intent)
      if (task.state === 'completed' && times === 0) tally.missing.push(intent)
      if (times > 1) tally.duplicates.push(intent)
    }
  }

  const begin = async (): Promise<string> => {
    const started = await call(product, 'POST', '/create_workflow', { definition: effectDefinition(OF_A_KIND) })
    if (started.status !== 202) throw new Error(`the run was refused: ${JSON.stringify(started.body)}`)
    return String(started.body['run_id'])
  }

  while (safe() < losses) {
    const side_by_side = await Promise.all([begin(), begin(), begin(), begin()])
    await Promise.all(side_by_side.map(settle))
    progress(`${safe()} of ${losses} replies lost, ${tally.questions} questions answered`)
  }
  lossy = false
  for (let n = 1; n <= kills; n++) {
    killed = Promise.withResolvers()
    killAt = { left: dice.between(1, OF_A_KIND * effectKinds.length), fault: dice.one(['held_before', 'held_after']) }
    const run = await begin()
    await killed.promise
    killAt = null
    await product.stop('SIGKILL')
    product = await startProduct(folder, port)
    await settle(run)
    if (n % 5 === 0 || n === kills)
      progress(`${n} of ${kills} kills of the program, ${tally.questions} questions answered`)
  }
  await product.stop()
  await ledger.close()
  rmSync(join(folder, 'data', 'engine'), { recursive: true, force: true })
  return tally
}
