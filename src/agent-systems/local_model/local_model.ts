/** The manager's own model: the one in a child process of its own, or whatever the configuration names as its default. */
import { z } from 'zod'
import { ok } from '../../failure.ts'
import type { AgentSystem } from '../agent-system.ts'
import { askModel, checkModel, samplingSettings } from '../ask-model.ts'
import { contain } from '../contain.ts'

const settings = z.strictObject({
  model: z
    .string()
    .min(1)
    .max(300)
    .optional()
    .meta({ description: 'host/model or a model name; the manager’s own when absent' }),
  ...samplingSettings,
})

export const local_model: AgentSystem<z.infer<typeof settings>> = {
  contract: 'agent-system-v1',
  name: 'local_model',
  title: 'The manager’s own model',
  settings,
  effect: () => 'pure',
  quick: false,
  open: ({ model, ...sampling }, { gateway }) =>
    ok({
      // Which model is the default may change while the agent lives: a host comes back, a fetch ends.
      get host() {
        return (model ?? gateway.default_model().id)?.split('/')[0] ?? 'local'
      },
      check: async (signal) => {
        const own = gateway.default_model()
        if (model === undefined && own.id === null) return { ok: false, detail: own.reason }
        return checkModel(gateway, null, model ?? own.id, signal)
      },
      model: () => model ?? null,
      perform: (task, context) =>
        contain(() => askModel(gateway, task.model ?? model ?? null, sampling, task, context)),
      close: async () => {},
    }),
}
