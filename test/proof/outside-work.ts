/** An outside service that does deterministic work and counts how often it was asked for each piece. Survives all kills. */
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { contentHash } from '../../src/workflow/content-hash.ts'

/** What a piece of work takes: long enough that four overlap. */
const WORK_MS = 10

export type OutsideWork = {
  url: string
  /** Calls so far by task. */
  calls: () => Map<string, number>
  forget: () => void
  close: () => Promise<void>
}

export async function openOutsideWork(): Promise<OutsideWork> {
  let calls = new Map<string, number>()
  const server = createServer((request, response) => {
    // A health check is no work.
    if (request.method !== 'POST') return void response.end()
    let body = ''
    request.setEncoding('utf8')
    request.on('data', (part: string) => {
      body += part
    })
    request.on('end', () => {
      const { task, input } = JSON.parse(body) as { task: string; input: unknown }
      calls.set(task, (calls.get(task) ?? 0) + 1)
      // One agent's answers are large, so that values by reference are struck too.
      const text = task.endsWith('/b') ? `${task} `.repeat(600) : task
      setTimeout(() => response.end(JSON.stringify({ task, seen: contentHash(input), text })), WORK_MS)
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    calls: () => new Map(calls),
    forget: () => {
      calls = new Map()
    },
    close: () =>
      new Promise((resolve) => {
        server.closeAllConnections()
        server.close(() => resolve())
      }),
  }
}
