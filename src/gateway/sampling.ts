import type { Question } from './metered-call.ts'

type Maybe<T> = T | null | undefined
type Sent = {
  [name in 'temperature' | 'top_p' | 'frequency_penalty' | 'presence_penalty' | 'seed']?: Maybe<number>
} & { stop?: Maybe<string | string[]> }

/** How a model is asked to choose its words, under the names that OpenAI's and Ollama's requests share; null is as good as nothing. */
export function samplingOf({
  temperature,
  top_p,
  frequency_penalty,
  presence_penalty,
  seed,
  stop,
}: Sent): Partial<Question> {
  return {
    ...(temperature != null && { temperature }),
    ...(top_p != null && { top_p }),
    ...(frequency_penalty != null && { frequency_penalty }),
    ...(presence_penalty != null && { presence_penalty }),
    ...(seed != null && { seed }),
    ...(stop != null && { stop: typeof stop === 'string' ? [stop] : stop }),
  }
}
