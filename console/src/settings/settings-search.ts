/** What the address of the settings may say. Anything else in it is left out. */
import { textOf } from '../runs/run-search.ts'

export const settingsViews = { doctor: 'Doctor', configuration: 'Configuration', keys: 'Keys' } as const
export type SettingsView = keyof typeof settingsViews
export type SettingsSearch = { view?: SettingsView; text?: string }
export function readSettingsSearch(given: Record<string, unknown>): SettingsSearch {
  const view = (Object.keys(settingsViews) as SettingsView[]).find((one) => one === given.view)
  return { ...(view !== undefined && { view }), ...textOf(given, 'text', 100) }
}
