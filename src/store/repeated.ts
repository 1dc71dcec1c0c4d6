import type { Compilable, CompiledQuery, Kysely } from 'kysely'
import type { StoreSchema } from './schema.ts'

/**
 * A query that is asked for every run, compiled once: building and compiling it costs several times what the database needs
 * to run it.
 * @param query with any values of the right types in the places of its parameters
 * @returns asks it with these parameters, in the order in which they stand in its text
 */
export function repeated<O>(
  db: Kysely<StoreSchema>,
  query: Compilable<O>,
): (...parameters: readonly unknown[]) => Promise<O[]> {
  let compiled: CompiledQuery<O> | null = null
  return async (...parameters) => {
    compiled ??= query.compile()
    if (compiled.parameters.length !== parameters.length)
      throw new Error(`the query takes ${compiled.parameters.length} parameters, not ${parameters.length}`)
    return (await db.executeQuery<O>({ ...compiled, parameters })).rows
  }
}
