/** What the overview asks for. first.ts asks for the same before its code is there. */
import type { Input } from '../server/client.ts'

export const SHOWN = 8
export const inProgress = {
  status: ['queued', 'planning', 'running', 'waiting', 'paused'],
} satisfies Input<'list_runs'>
export const wentWrong = { status: ['failed', 'partial'] } satisfies Input<'list_runs'>
export const lastDay = {
  range: '24h',
  bucket: '1h',
  by: 'agent',
  points: false,
  groups: 5,
} satisfies Input<'metrics_over_time'>
