/**
 * localagi-config.yaml: a file that people have already, and that another program reads as well. So keys which Quorate
 * does not know are accepted, and listed in warnings; wrong values of those it knows are refused as anywhere.
 */
import { type Setting, settingKeys, settings } from './settings.ts'
import { type FileSettings, readSettingsFile } from './settings-file.ts'

export const LOCALAGI_ROOT = 'localagi_orchestration'

const paths = new Map(
  settingKeys.flatMap((key) => {
    const { localagi } = settings[key] as Setting
    return localagi ? [[key, [LOCALAGI_ROOT, ...localagi]] as const] : []
  }),
)

export const readLocalagiYaml = (text: string, file: string): FileSettings =>
  readSettingsFile(text, file, paths, 'warn')

/** Whether a text is such a file, so that `--config` may name either kind. */
export const isLocalagiYaml = (text: string): boolean => new RegExp(`^${LOCALAGI_ROOT}\\s*:`, 'm').test(text)
