/** From what a person wrote about an agent to something that can work. */

import type { AgentSystem, AgentSystemContext } from '../agent-systems/agent-system.ts'
import type { AgentInput } from '../agents/agent.ts'
import { excerpt, type Failure, fail, ok, type Result } from '../failure.ts'
import { contentHash } from '../workflow/content-hash.ts'
import type { Engine, Logger } from './member.ts'

/**
 * Checks `system` and `settings` and opens the system. A failure names what the person has to correct; a system that
 * cannot be opened just now (a secret that is missing, say) gives an engine without a handle, with its `problem`.
 */
export function openEngine(
  input: Pick<AgentInput, 'system' | 'settings'>,
  systems: ReadonlyMap<string, AgentSystem>,
  context: AgentSystemContext,
): Result<Engine> {
  const system = systems.get(input.system)
  if (system === undefined) {
    return fail('invalid_input', `there is no agent system ${excerpt(input.system, 64)}`, {
      field: 'system',
      value: excerpt(input.system, 64),
      remedy: `one of: ${[...systems.keys()].sort().join(', ')}`,
    })
  }
  const parsed = system.settings.safeParse(input.settings)
  if (!parsed.success) {
    const problems = parsed.error.issues.slice(0, 10).map((issue): Failure => {
      const field = ['settings', ...issue.path.map(String)].join('.')
      return {
        kind: 'invalid_input',
        message: `${field}: ${issue.message}`,
        field,
        remedy: `see the settings of ${system.title}`,
      }
    })
    const [first] = problems
    if (first === undefined) throw new TypeError('a refusal without an issue')
    return { ok: false, failure: problems.length === 1 ? first : { ...first, problems } }
  }
  const effect = system.effect(parsed.data)
  const opened = system.open(parsed.data, context)
  const engine: Engine = { system, effect, handle: null, problem: null, in_use: 0, replaced: false }
  return ok(opened.ok ? { ...engine, handle: opened.value } : { ...engine, problem: opened.failure })
}

/** For an agent that is known and cannot be driven: its system is gone, or refuses its settings by now. */
export const brokenEngine = (problem: Failure): Engine => ({
  system: null,
  effect: 'unsafe',
  handle: null,
  problem,
  in_use: 0,
  replaced: false,
})

/** Ends the outside part once nothing uses it. */
export async function closeEngine(engine: Engine, logger: Logger): Promise<void> {
  const { handle } = engine
  engine.replaced = true
  if (engine.in_use > 0 || handle === null) return
  engine.handle = null
  try {
    await handle.close()
  } catch (error) {
    logger.warn({ error: String(error), system: engine.system?.name }, 'an agent system did not close in order')
  }
}

/** Content hash over everything that changes what the agent does. */
export const behaviourHash = (input: AgentInput): string =>
  contentHash({
    system: input.system,
    role: input.role,
    instructions: input.instructions,
    capabilities: [...input.capabilities].sort(),
    settings: input.settings,
    timeout: input.timeout,
    effect: input.effect ?? null,
  })
