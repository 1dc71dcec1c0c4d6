/** Parts that requests of OpenAI's endpoints have in common. Unknown fields pass, as they do with OpenAI's own servers. */
import { z } from 'zod'
import { fail, ok, type Result } from '../../failure.ts'
import type { Tool } from '../../models/model-gateway.ts'
import type { Json } from '../../workflow/value.ts'

export const schemaObject = z.record(z.string(), z.json() as z.ZodType<Json>)

export const modelName = z.string().min(1).max(300)

export const samplingFields = {
  temperature: z.number().min(0).max(2).nullish(),
  top_p: z.number().min(0).max(1).nullish(),
  frequency_penalty: z.number().min(-2).max(2).nullish(),
  presence_penalty: z.number().min(-2).max(2).nullish(),
  seed: z.int().nullish(),
  stop: z.union([z.string().min(1), z.array(z.string().min(1)).max(4)]).nullish(),
}

export const outputLimit = z.int().min(1).max(10_000_000).nullish()

const contentPart = z.looseObject({ type: z.string(), text: z.string().optional(), refusal: z.string().optional() })
export const contentField = z.union([z.string(), z.array(contentPart)]).nullish()
type Content = z.output<typeof contentField>

const textTypes = new Set(['text', 'input_text', 'output_text', 'refusal', 'summary_text'])

/** Text of a content; what is not text is refused by name: no host is told of images and sounds. */
export function textOf(content: Content, field: string): Result<string> {
  if (content == null) return ok('')
  if (typeof content === 'string') return ok(content)
  let text = ''
  for (const [i, part] of content.entries()) {
    if (!textTypes.has(part.type)) {
      return fail(
        'unsupported',
        `Content of type ${JSON.stringify(part.type.slice(0, 40))} is not passed on: only text is.`,
        {
          field: `${field}[${i}].type`,
          remedy: 'Send text.',
        },
      )
    }
    text += part.text ?? part.refusal ?? ''
  }
  return ok(text)
}

export const toolFunction = z.looseObject({
  name: z.string().min(1).max(200),
  description: z.string().nullish(),
  parameters: schemaObject.nullish(),
})

export const toolOf = ({ name, description, parameters }: z.output<typeof toolFunction>): Tool => ({
  name,
  ...(description != null && { description }),
  parameters: parameters ?? { type: 'object', properties: {} },
})
