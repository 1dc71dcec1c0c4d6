/**
 * Settings that are checked and kept, and that nothing acts upon yet: they stand in the files and environments that
 * people have already. Who sets one is told so. A setting leaves this list when something reads it.
 */
import { isDeepStrictEqual } from 'node:util'
import type { Configuration } from './configuration.ts'
import { type Machine, type Setting, type SettingKey, settings } from './settings.ts'

export const unreadSettings: readonly SettingKey[] = [
  'coordinator.enabled',
  'coordinator.path',
  'coordinator.sync_interval',
  'coordinator.feedback',
  'coordinator.mode',
  'monitoring.metrics_endpoint',
  'monitoring.log_aggregation',
  'monitoring.trace_sampling',
  'stores.redis_url',
  'stores.postgres_url',
  'stores.vector_stores',
  'orchestration_patterns',
  'agent_categories',
  'agent_count',
]

/** One sentence for all that were set to something else than their default; none when none was. */
export function unreadWarnings(
  sources: Configuration['sources'],
  values: { [key: string]: unknown },
  machine: Machine,
): string[] {
  const set = unreadSettings.filter(
    (key) =>
      sources[key]?.source !== 'default' &&
      !isDeepStrictEqual(values[key], (settings[key] as Setting).fallback(machine)),
  )
  if (set.length === 0) return []
  const where = set.map((key) => `${key} (${sources[key]?.detail})`).join(', ')
  return [`checked and kept, but not used by this version: ${where}`]
}
