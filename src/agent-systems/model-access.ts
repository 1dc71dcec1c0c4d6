/**
 * `{{gateway.key}}`, `{{gateway.openai_url}}` and `{{gateway.ollama_url}}` in the settings of an agent: how it reaches
 * the models through the gateway. Whoever names one of them gets a key for each attempt.
 */
import { fail, ok, type Result } from '../failure.ts'
import type { ModelAccess, PerformContext } from './agent-system.ts'

const names = ['key', 'openai_url', 'ollama_url'] as const satisfies readonly (keyof ModelAccess)[]

export const accessFields: readonly string[] = names.map((name) => `gateway.${name}`)

const placeholder = /\{\{gateway\.([^{}]*)\}\}/g

export const namesAccess = (text: string): boolean => text.includes('{{gateway.')

/** What is wrong with a text that names the gateway, or null. */
export function accessProblem(text: string): string | null {
  for (const [, name = ''] of text.matchAll(placeholder))
    if (!accessFields.includes(`gateway.${name}`))
      return `there is no {{gateway.${name.slice(0, 40)}}}; there are: ${accessFields.join(', ')}`
  return null
}

export const fillAccess = (text: string, access: ModelAccess): string =>
  text.replace(placeholder, (whole, name: string) =>
    names.reduce((value, one) => (one === name ? access[one] : value), whole),
  )

/** Null when no text asks for it. */
export async function accessFor(
  texts: readonly string[],
  { model_access }: PerformContext,
  hide: (text: string) => string,
): Promise<Result<ModelAccess | null>> {
  if (!texts.some(namesAccess)) return ok(null)
  if (model_access === undefined)
    return fail('unsupported', 'this agent asks for the model gateway, and there is none here', {
      remedy: 'leave {{gateway.…}} out, or run it within Quorate',
    })
  return model_access(hide)
}
