import type { Figure } from './report.ts'

/** What one kind of fault of the storage brought to light. */
export type StorageFindings = { figures: Figure[]; problems: string[]; not_run: string[] }
