/**
 * The folder of a task: its own, named after it, so that a repetition finds nothing of the attempt before and a failed
 * attempt can be looked at until then.
 */
import { createHash } from 'node:crypto'
import { mkdir, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fail, ok, type Result } from '../../failure.ts'
import type { AgentTask } from '../agent-system.ts'

export type TaskFolder = { path: string; remove: () => Promise<void>; release: () => void }

/** Folders in which this process works just now. */
const inUse = new Set<string>()

export function claimFolder(work_dir: string, task: AgentTask): TaskFolder {
  const name = createHash('sha256')
    .update(JSON.stringify([task.run, task.task, task.effect_key]))
    .digest('hex')
    .slice(0, 24)
  let path = join(work_dir, 'tasks', name)
  for (let n = 2; inUse.has(path); n++) path = join(work_dir, 'tasks', `${name}-${n}`)
  inUse.add(path)
  return {
    path,
    remove: () => rm(path, { recursive: true, force: true, maxRetries: 3 }),
    release: () => void inUse.delete(path),
  }
}

/** Empties and makes it; readable by this user only. */
export async function makeFolder(folder: TaskFolder): Promise<void> {
  await folder.remove()
  await mkdir(folder.path, { recursive: true, mode: 0o700 })
}

/** What a command is told of its task, on its standard input or in `task.json`. */
export const taskDocument = (task: AgentTask): string => {
  const {
    run,
    task: address,
    attempt,
    goal,
    role,
    agent_instructions,
    instructions,
    input,
    output_schema,
    effect_key,
  } = task
  return JSON.stringify({
    run,
    task: address,
    attempt,
    goal,
    role,
    agent_instructions,
    instructions,
    input,
    output_schema,
    effect_key,
  })
}

/** `task.json` with everything, and each input in a file of its own: text as it is (`input/x.txt`), the rest as `input/x.json`. */
export async function writeInput(folder: TaskFolder, task: AgentTask): Promise<Result<null>> {
  const bad = Object.keys(task.input).find((name) => !/^[A-Za-z0-9_][A-Za-z0-9_.-]{0,99}$/.test(name))
  if (bad !== undefined) {
    return fail('invalid_input', 'the name of an input cannot be the name of a file', {
      field: 'input',
      value: bad.slice(0, 100),
      remedy: 'use letters, digits and _, or hand the input over with input: stdin',
    })
  }
  await writeFile(join(folder.path, 'task.json'), taskDocument(task))
  await mkdir(join(folder.path, 'input'))
  for (const [name, value] of Object.entries(task.input)) {
    const text = typeof value === 'string'
    await writeFile(
      join(folder.path, 'input', `${name}.${text ? 'txt' : 'json'}`),
      text ? value : JSON.stringify(value),
    )
  }
  return ok(null)
}
