/** Every migration, in the order in which it runs. Names are kept in the database and never change. */
import type { Migration } from 'kysely/migration'
import { first } from './0001-first.ts'
import { overTime } from './0002-over-time.ts'
import { sums } from './0003-sums.ts'
import { modelCalls } from './0004-model-calls.ts'
import { budgets } from './0005-budgets.ts'
import { apiKeys } from './0006-api-keys.ts'
import { keySums } from './0007-key-sums.ts'

export const migrations: Record<string, Migration> = {
  '0001_first': first,
  '0002_over_time': overTime,
  '0003_sums': sums,
  '0004_model_calls': modelCalls,
  '0005_budgets': budgets,
  '0006_api_keys': apiKeys,
  '0007_key_sums': keySums,
}
