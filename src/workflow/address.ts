/**
 * Addresses within a run. A stage: `research`; in the second iteration of a loop, or for item 2 of a for_each:
 * `improve[2].write`; a task of it: `improve[2].write/draft`.
 */
export type Segment = { id: string; key: number | null }

export const stageAddress = (prefix: string, id: string): string => `${prefix}${id}`
export const bodyPrefix = (stage: string, key: number): string => `${stage}[${key}].`
export const taskAddress = (stage: string, task: string): string => `${stage}/${task}`

/** Splits a task's address into its stage's address and the task's id. */
export function splitTask(address: string): { stage: string; task: string } {
  const at = address.lastIndexOf('/')
  return { stage: address.slice(0, at), task: address.slice(at + 1) }
}

/** The path to a stage, outermost first; the last segment has no key. */
export function parseStage(address: string): Segment[] {
  return address.split('.').map((part) => {
    const open = part.indexOf('[')
    return open < 0 ? { id: part, key: null } : { id: part.slice(0, open), key: Number(part.slice(open + 1, -1)) }
  })
}
