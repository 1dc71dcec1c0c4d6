/** Small changes to the text of a definition that leave the rest of it, comments too, as it was written. */
import { parseDocument } from 'yaml'
import type { Definition, Stage } from '../../../src/workflow/definition.ts'

type Path = (string | number)[]

/** Something that an agent does: a task, or the ballots of a vote. */
export type Work = { path: Path; address: string; agent: string | null; capability: string | null }

export function worksOf(stages: readonly Stage[], path: Path = ['stages'], prefix = ''): Work[] {
  return stages.flatMap((stage, at) => {
    const here = [...path, at]
    const address = `${prefix}${stage.id}`
    if (stage.kind === 'tasks')
      return stage.tasks.map((task, n) => ({
        path: [...here, 'tasks', n],
        address: `${address}/${task.id}`,
        agent: task.agent ?? null,
        capability: task.capability ?? null,
      }))
    return 'stages' in stage ? worksOf(stage.stages, [...here, 'stages'], `${address}.`) : []
  })
}

/** @param to An agent by name, or a capability that any agent may have. */
export function withAgent(text: string, path: Path, to: { agent: string } | { capability: string }): string {
  const document = parseDocument(text)
  const [set, remove] = 'agent' in to ? ['agent', 'capability'] : ['capability', 'agent']
  document.deleteIn([...path, remove])
  document.setIn([...path, set], 'agent' in to ? to.agent : to.capability)
  return String(document)
}

export type BudgetField = keyof NonNullable<Definition['budget']>

/** Null takes the bound away. */
export function withBudget(text: string, field: BudgetField, value: string | number | null): string {
  const document = parseDocument(text)
  if (value !== null) document.setIn(['budget', field], value)
  else {
    document.deleteIn(['budget', field])
    const budget = document.get('budget') as { items?: unknown[] } | undefined
    if (budget?.items?.length === 0) document.delete('budget')
  }
  return String(document)
}
