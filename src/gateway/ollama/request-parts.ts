/** Parts that requests of Ollama's endpoints have in common. Unknown fields and options pass, as they do with Ollama. */
import { z } from 'zod'
import { fail, type Result } from '../../failure.ts'
import type { Json } from '../../workflow/value.ts'
import type { Answered, Question } from '../metered-call.ts'
import { samplingOf } from '../sampling.ts'

export const modelName = z.string().min(1).max(300)

const schemaObject = z.record(z.string(), z.json() as z.ZodType<Json>)

export const formatField = z.union([z.enum(['', 'json']), schemaObject]).nullish()

export const optionsField = z
  .looseObject({
    temperature: z.number().min(0).max(100).nullish(),
    top_p: z.number().min(0).max(1).nullish(),
    frequency_penalty: z.number().min(-100).max(100).nullish(),
    presence_penalty: z.number().min(-100).max(100).nullish(),
    seed: z.int().nullish(),
    // -1 and -2 are Ollama's "without end".
    num_predict: z.int().min(-2).max(10_000_000).nullish(),
    stop: z.union([z.string().min(1), z.array(z.string().min(1)).max(64)]).nullish(),
  })
  .nullish()

export function optionsOf(options: z.output<typeof optionsField>): Partial<Question> {
  const { num_predict, ...sampling } = options ?? {}
  return {
    ...samplingOf(sampling),
    ...(num_predict != null && num_predict > 0 && { max_output_tokens: num_predict }),
  }
}

export const formatOf = (format: z.output<typeof formatField>): Partial<Question> =>
  format == null || format === '' ? {} : { schema: format === 'json' ? { type: 'object' } : format }

export const noImages = (field: string): Result<never> =>
  fail('unsupported', 'Images are not passed on: only text is.', { field, remedy: 'Send text.' })

const NS = 1e6

/** The last line of an answer. Times in nanoseconds. Evaluating the prompt ends with the first token. */
export function doneFields(answer: Answered) {
  const { finish, input_tokens, output_tokens, estimated, budget, load_ms, first_token_ms, duration_ms } = answer
  const prompt_ms = first_token_ms ?? duration_ms
  return {
    done: true,
    done_reason: finish === 'length' ? 'length' : 'stop',
    total_duration: Math.round(duration_ms * NS),
    load_duration: Math.round((load_ms ?? 0) * NS),
    prompt_eval_count: input_tokens,
    prompt_eval_duration: Math.round(prompt_ms * NS),
    eval_count: output_tokens,
    eval_duration: Math.round(Math.max(0, duration_ms - prompt_ms) * NS),
    ...(estimated && { estimated }),
    ...(budget !== null && { budget: { exhausted: true, message: budget } }),
  }
}
