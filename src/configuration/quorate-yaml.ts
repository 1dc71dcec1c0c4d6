/** quorate.yaml: settings under their own keys; unknown keys are refused by name, with the nearest known one. */
import { settingKeys } from './settings.ts'
import { type FileSettings, readSettingsFile } from './settings-file.ts'

const paths = new Map(settingKeys.map((key) => [key, key.split('.')]))

export const readQuorateYaml = (text: string, file: string): FileSettings =>
  readSettingsFile(text, file, paths, 'refuse')
