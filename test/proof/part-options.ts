/** What a part of the proof, or a bench, is told on its command line, `--name=value`, and the folder that it works in. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

export const option = (name: string, otherwise: string): string =>
  process.argv.find((argument) => argument.startsWith(`--${name}=`))?.slice(name.length + 3) ?? otherwise
export const numberOption = (name: string, otherwise: number): number => Number(option(name, String(otherwise)))

/**
 * The folder that `--root` names, or else a new one.
 * `tidy` removes it, unless it was named: whoever names one wants to look into it.
 */
export function workFolder(part: string): { root: string; tidy: () => void } {
  const given = option('root', '')
  if (given !== '') return { root: given, tidy: () => undefined }
  const root = mkdtempSync(join(tmpdir(), `quorate-${part}-`))
  return { root, tidy: () => rmSync(root, { recursive: true, force: true, maxRetries: 5 }) }
}
