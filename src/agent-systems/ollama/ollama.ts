import type { AgentSystem } from '../agent-system.ts'
import { type HostedModelSettings, hostedModelSettings, openHostedModel } from '../hosted-model.ts'

export const ollama: AgentSystem<HostedModelSettings> = {
  contract: 'agent-system-v1',
  name: 'ollama',
  title: 'Ollama',
  settings: hostedModelSettings,
  effect: () => 'pure',
  quick: false,
  open: (settings, context) => openHostedModel('ollama', settings, context),
}
