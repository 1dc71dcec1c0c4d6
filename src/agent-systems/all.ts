/** All agent systems that there are. */
import type { AgentSystem } from './agent-system.ts'
import { command } from './command/command.ts'
import { createFunctions, type Functions, functionSystem } from './function/function.ts'
import { http } from './http/http.ts'
import { local_model } from './local_model/local_model.ts'
import { ollama } from './ollama/ollama.ts'
import { openai_compatible } from './openai_compatible/openai_compatible.ts'

/** In a list of systems the settings are opaque: whoever opens one parses them with its own schema first. */
const listed = <Settings>(system: AgentSystem<Settings>): AgentSystem => system as unknown as AgentSystem

/** By name. @param functions Where the embedding program registers its functions; none of its own when absent. */
export function agentSystemsWith(functions: Functions = createFunctions()): Map<string, AgentSystem> {
  const systems = [
    listed(local_model),
    listed(ollama),
    listed(openai_compatible),
    listed(command),
    listed(http),
    listed(functionSystem(functions)),
  ]
  return new Map(systems.map((system) => [system.name, system]))
}
