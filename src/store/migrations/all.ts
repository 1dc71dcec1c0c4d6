/** Every migration, in the order in which it runs. Names are kept in the database and never change. */
import type { Migration } from 'kysely/migration'
import { first } from './0001-first.ts'

export const migrations: Record<string, Migration> = {
  '0001_first': first,
}
