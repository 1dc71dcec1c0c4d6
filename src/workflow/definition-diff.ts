/**
 * What differs between two definitions: by stage, task and field, so that a person sees what was meant and not which
 * lines moved. Stages and tasks are matched by their ids; a field that is an object is compared name by name.
 */
import { canonicalJson } from './content-hash.ts'
import type { Definition } from './definition.ts'
import type { Json } from './value.ts'

export type DefinitionChange = {
  /** `moved`: the same stages or tasks in another order; `old` and `new` are their ids. */
  change: 'added' | 'removed' | 'changed' | 'moved'
  /** `stages.improve.stages.write.tasks.draft.instructions`: ids stand where lists have numbers. */
  path: string
  /** Ids of the stage and those around it, outermost first (`improve.write`); null for what belongs to the whole. */
  stage: string | null
  task: string | null
  /** Null when a whole stage or task was added or removed, or their order changed. */
  field: string | null
  old: Json
  new: Json
}

type Where = Pick<DefinitionChange, 'path' | 'stage' | 'task' | 'field'>
type Fields = { [name: string]: Json }

/** Fields of these names hold lists whose items have ids of their own. */
const lists = new Set(['stages', 'tasks', 'feedback', 'success'])
/** Fields whose value is a table of names: each name is compared by itself. */
const tables = new Set(['inputs', 'input', 'budget', 'show', 'compensate'])

/**
 * All changes from `old` to `new`: fields in alphabetical order, then lists in the order of the newer definition with
 * what was removed after it. Same arguments, same result. O(n) in the size of the definitions.
 */
export function diffDefinitions(old: Definition, now: Definition): DefinitionChange[] {
  const changes: DefinitionChange[] = []
  compareFields(
    changes,
    { path: '', stage: null, task: null, field: null },
    old as unknown as Fields,
    now as unknown as Fields,
  )
  return changes
}

function compareFields(changes: DefinitionChange[], where: Where, old: Fields, now: Fields): void {
  const names = [...new Set([...Object.keys(old), ...Object.keys(now)])].sort()
  const inner = names.filter((name) => lists.has(name))
  for (const name of names) if (!lists.has(name)) compareField(changes, step(where, name), old[name], now[name])
  for (const name of inner) compareLists(changes, where, name, items(old[name]), items(now[name]))
}

function compareField(changes: DefinitionChange[], where: Where, old: Json | undefined, now: Json | undefined): void {
  if (old === undefined || now === undefined) {
    if (old !== now)
      changes.push({ change: old === undefined ? 'added' : 'removed', ...where, old: old ?? null, new: now ?? null })
    return
  }
  if (tables.has(where.field ?? '') && isFields(old) && isFields(now)) {
    for (const name of [...new Set([...Object.keys(old), ...Object.keys(now)])].sort())
      compareField(changes, step(where, name), old[name], now[name])
    return
  }
  if (canonicalJson(old) !== canonicalJson(now)) changes.push({ change: 'changed', ...where, old, new: now })
}

function compareLists(
  changes: DefinitionChange[],
  where: Where,
  name: string,
  old: Map<string, Fields>,
  now: Map<string, Fields>,
): void {
  const at = (id: string): Where => {
    const path = join(join(where.path, name), id)
    if (name === 'stages') return { path, stage: join(where.stage ?? '', id), task: null, field: null }
    if (name === 'tasks') return { path, stage: where.stage, task: id, field: null }
    return { path, stage: null, task: null, field: `${name}.${id}` }
  }
  for (const [id, item] of now) {
    const before = old.get(id)
    if (before === undefined) changes.push({ change: 'added', ...at(id), old: null, new: item })
    else compareFields(changes, at(id), before, item)
  }
  for (const [id, item] of old) if (!now.has(id)) changes.push({ change: 'removed', ...at(id), old: item, new: null })
  // Order is meaning: a stage without `needs` waits for the one before it in the list.
  const kept = [...old.keys()].filter((id) => now.has(id))
  const order = [...now.keys()].filter((id) => old.has(id))
  if (kept.some((id, i) => id !== order[i]))
    changes.push({ change: 'moved', ...where, path: join(where.path, name), field: null, old: kept, new: order })
}

const join = (path: string, name: string): string => (path === '' ? name : `${path}.${name}`)
const step = (where: Where, name: string): Where => ({
  ...where,
  path: join(where.path, name),
  field: join(where.field ?? '', name),
})
const isFields = (value: Json): value is Fields => typeof value === 'object' && value !== null && !Array.isArray(value)

function items(list: Json | undefined): Map<string, Fields> {
  if (!Array.isArray(list)) return new Map()
  return new Map(
    list.map((item, i) => [isFields(item) && typeof item['id'] === 'string' ? item['id'] : String(i), item as Fields]),
  )
}
