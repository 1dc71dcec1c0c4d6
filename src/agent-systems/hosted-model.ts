/** Agents that are a model on a server: one that the configuration lists, or one whose address the agent names itself. */
import { createHash } from 'node:crypto'
import { z } from 'zod'
import { secretReference } from '../agents/agent.ts'
import type { ModelHostSetting } from '../configuration/configuration.ts'
import { fail, ok, type Result } from '../failure.ts'
import type { HostInfo } from '../models/model-gateway.ts'
import type { AgentHandle, AgentSystemContext } from './agent-system.ts'
import { askModel, checkModel, samplingSettings } from './ask-model.ts'
import { contain } from './contain.ts'

export const hostedModelSettings = z
  .strictObject({
    url: z
      .url({ protocol: /^https?$/, error: 'an http or https address, such as http://127.0.0.1:11434' })
      .refine(
        (url) => !URL.canParse(url) || !new URL(url).username,
        'no user name or password in the address: use api_key',
      )
      .optional()
      .meta({ description: 'Address of the server; the configured one when absent' }),
    model: z
      .string()
      .min(1)
      .max(300)
      .optional()
      .meta({ description: 'Name on the server; its default or first one when absent' }),
    api_key: secretReference.optional(),
    ...samplingSettings,
  })
  .refine((s) => s.api_key === undefined || s.url !== undefined, {
    path: ['api_key'],
    error: 'api_key belongs to a url; the key of a configured server stands in the configuration',
  })
export type HostedModelSettings = z.infer<typeof hostedModelSettings>

/** Calls at once to a server that an agent names itself; the agent's own `concurrency` bounds it further. */
const CALLS_AT_ONCE = 4

export function openHostedModel(
  kind: ModelHostSetting['kind'],
  { url, model, api_key, ...sampling }: HostedModelSettings,
  { gateway }: AgentSystemContext,
): Result<AgentHandle> {
  let host = url ? hostName(kind, url, api_key) : kind
  let added: Promise<Result<string>> | null = null

  /** The host's name at the gateway. A server that could not be added is tried again at the next call. */
  async function hostOf(): Promise<Result<string>> {
    if (url === undefined) return configured(await gateway.hosts(), kind, model)
    if (!gateway.add_host) {
      return fail('unsupported', 'this model gateway takes no servers that an agent names itself', {
        field: 'settings.url',
        remedy: 'list the server under models.hosts in the configuration and leave url out',
      })
    }
    added ??= gateway.add_host({ name: host, kind, url, api_key: api_key ?? null, concurrency: CALLS_AT_ONCE })
    const result = await added
    if (!result.ok) added = null
    return result
  }

  return ok({
    get host() {
      return host
    },
    check: async (signal) => {
      const name = await hostOf()
      if (!name.ok) return { ok: false, detail: name.failure.message }
      host = name.value
      return checkModel(gateway, host, model ?? null, signal)
    },
    model: () => (model === undefined ? null : `${host}/${model}`),
    perform: (task, context) =>
      contain(async () => {
        if (task.model !== undefined) return askModel(gateway, task.model, sampling, task, context)
        const name = await hostOf()
        if (!name.ok) return name
        host = name.value
        const chosen = model ?? firstModel(await gateway.hosts(), host)
        if (chosen === null) {
          return fail('model_missing', `${host} lists no model`, {
            remedy: 'put a model on the server or name one in settings.model',
          })
        }
        const id = chosen.startsWith(`${host}/`) ? chosen : `${host}/${chosen}`
        return askModel(gateway, id, sampling, task, context)
      }),
    close: async () => {},
  })
}

/** Of the configured servers of this kind: one that answers and has the model, else one that answers, else any. */
function configured(hosts: HostInfo[], kind: string, model: string | undefined): Result<string> {
  const own = hosts.filter((host) => host.kind === kind)
  const has = (host: HostInfo) => host.models.some((info) => info.model === model || info.id === model)
  const chosen = own.find((host) => host.ok && has(host)) ?? own.find((host) => host.ok) ?? own[0]
  if (chosen) return ok(chosen.name)
  return fail('unavailable', `no server of kind ${kind} is known`, {
    field: 'settings.url',
    remedy: 'give the agent a url, or list the server under models.hosts in the configuration',
  })
}

function firstModel(hosts: HostInfo[], name: string): string | null {
  const models = hosts.find((host) => host.name === name)?.models ?? []
  return (models.find((info) => info.default) ?? models[0])?.model ?? null
}

/** A name without a slash, because `host/model` is how models are called; one server with two keys is two hosts. */
function hostName(kind: string, url: string, api_key: string | undefined): string {
  const { host, pathname } = new URL(url)
  const name = `${kind}@${host}`
  if (api_key === undefined && /^\/(v1\/?)?$/.test(pathname)) return name
  return `${name}-${createHash('sha256')
    .update(`${pathname} ${api_key ?? ''}`)
    .digest('hex')
    .slice(0, 6)}`
}
