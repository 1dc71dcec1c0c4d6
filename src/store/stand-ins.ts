/** For tests: rows as they may be, and damage that SQLite does not see. */
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { DATABASE_FILE } from './sqlite.ts'
import type { ApiKey, StoredTry } from './store.ts'

export const aKey = (id: string, more: Partial<ApiKey> = {}): ApiKey => ({
  id,
  name: `name of ${id}`,
  prefix: `qk_${id}`,
  hash: `hash of ${id}`,
  permissions: ['runs:read', 'keys:write'],
  created_at: 100,
  created_by: 'local',
  expires_at: null,
  last_used_at: null,
  revoked_at: null,
  revoked_by: null,
  ...more,
})

export const aTry = (id: string, more: Partial<StoredTry> = {}): StoredTry => ({
  id,
  agent: 'agt_1',
  agent_name: 'ann',
  prompt: 'x',
  by: 'local',
  state: 'running',
  created_at: 1,
  ended_at: null,
  output: null,
  failure: null,
  model: null,
  input_tokens: null,
  output_tokens: null,
  duration_ms: null,
  queued_ms: null,
  ...more,
})

/** Changes what a data directory holds behind the back of whoever works on it. */
export function damage(data_dir: string, sql: string): void {
  const db = new DatabaseSync(join(data_dir, DATABASE_FILE))
  try {
    db.exec(sql)
  } finally {
    db.close()
  }
}
