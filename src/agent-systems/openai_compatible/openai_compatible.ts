import type { AgentSystem } from '../agent-system.ts'
import { type HostedModelSettings, hostedModelSettings, openHostedModel } from '../hosted-model.ts'

export const openai_compatible: AgentSystem<HostedModelSettings> = {
  contract: 'agent-system-v1',
  name: 'openai_compatible',
  title: "A server with OpenAI's chat interface",
  settings: hostedModelSettings,
  effect: () => 'pure',
  quick: false,
  open: (settings, context) => openHostedModel('openai_compatible', settings, context),
}
