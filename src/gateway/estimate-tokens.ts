/**
 * Tokens of a prompt before anybody has counted them: what is reserved for a call, and what is charged where a host does
 * not say. On the high side: English is about 4.2 bytes to a token, Chinese and code near 3.
 */
import type { ModelRequest } from '../models/model-gateway.ts'

const BYTES_PER_TOKEN = 3
/** Role and marks of a message in the template of a chat. */
const MESSAGE_TOKENS = 8

export const tokensOf = (text: string): number => Math.ceil(Buffer.byteLength(text) / BYTES_PER_TOKEN)

/** Output so far: as many pieces as came, and no fewer than their text makes likely. */
export const outputTokens = (pieces: number, characters: number): number => Math.max(pieces, Math.ceil(characters / 4))

export function promptTokens({ messages, tools, schema }: Pick<ModelRequest, 'messages' | 'tools' | 'schema'>): number {
  let tokens = 0
  for (const { content, tool_calls } of messages) {
    tokens += MESSAGE_TOKENS + tokensOf(content)
    if (tool_calls) tokens += tokensOf(JSON.stringify(tool_calls))
  }
  if (tools) tokens += tokensOf(JSON.stringify(tools))
  if (schema) tokens += tokensOf(JSON.stringify(schema))
  return tokens
}
