/** What POST /v1/responses takes. */
import { z } from 'zod'
import { contentField, modelName, outputLimit, samplingFields, schemaObject } from './request-parts.ts'

const text = z.string()

export const responseItem = z.looseObject({
  type: text.optional(),
  role: z.enum(['system', 'developer', 'user', 'assistant']).optional(),
  content: contentField,
  call_id: text.max(200).optional(),
  name: text.max(200).optional(),
  arguments: text.optional(),
  output: contentField,
})

export const responsesBody = z.looseObject({
  model: modelName,
  input: z.union([text, z.array(responseItem).min(1).max(10_000)]),
  instructions: text.nullish(),
  ...samplingFields,
  max_output_tokens: outputLimit,
  stream: z.boolean().nullish(),
  tools: z
    .array(z.looseObject({ type: text }))
    .max(1_000)
    .nullish(),
  tool_choice: z
    .union([z.enum(['auto', 'none', 'required']), z.looseObject({ type: z.literal('function'), name: text })])
    .nullish(),
  text: z
    .looseObject({
      format: z
        .discriminatedUnion('type', [
          z.looseObject({ type: z.literal('text') }),
          z.looseObject({ type: z.literal('json_object') }),
          z.looseObject({ type: z.literal('json_schema'), schema: schemaObject }),
        ])
        .nullish(),
    })
    .nullish(),
  previous_response_id: text.nullish(),
  conversation: z.unknown().optional(),
  background: z.boolean().nullish(),
})
export type ResponsesBody = z.output<typeof responsesBody>
