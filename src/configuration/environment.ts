/** The only reader of `process.env` in src/. Everything else is handed an {@link Environment}. */
export type Environment = { readonly [name: string]: string | undefined }

/** A copy, so that nobody writes to the process's own. */
export const readEnvironment = (): Environment => ({ ...process.env })

/** Names that Quorate's command line reads besides the settings. */
export const otherVariables = [
  'QUORATE_CONFIG',
  'QUORATE_LOCALAGI_CONFIG',
  'QUORATE_URL',
  'QUORATE_KEY',
  'QUORATE_TASK_FOLDER',
] as const

/** A variable's text; one that is set to nothing counts as not set, as compose files and shells leave it. */
export function variable(environment: Environment, name: string): string | undefined {
  const text = environment[name]?.trim()
  return text === '' ? undefined : text
}
