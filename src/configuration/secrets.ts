/** Resolves references to secrets. The value goes to the adapter that needs it and nowhere else. */
import { readFileSync, statSync } from 'node:fs'
import { homedir } from 'node:os'
import { isAbsolute, join, resolve } from 'node:path'
import { secretReference } from '../agents/agent.ts'
import { fail, ok, type Result } from '../failure.ts'
import { type Environment, readEnvironment } from './environment.ts'

const LARGEST_SECRET_BYTES = 64 * 1024

/**
 * The secret behind `env:NAME` or `file:PATH` (relative to `base_dir`, `~` allowed; one line break at the end is cut).
 * A text that is no reference is never repeated in the failure: it may be the secret itself.
 * Failures: `invalid_input`.
 */
export function resolveSecret(
  reference: string,
  { environment = readEnvironment(), base_dir = process.cwd() }: { environment?: Environment; base_dir?: string } = {},
): Result<string> {
  if (!secretReference.safeParse(reference).success)
    return fail('invalid_input', 'a secret is given as a reference, not as itself', {
      remedy: 'write env:NAME for an environment variable, or file:PATH for a file that holds it',
    })
  const [kind, name] = [reference.slice(0, reference.indexOf(':')), reference.slice(reference.indexOf(':') + 1)]
  if (kind === 'env') {
    const text = environment[name]
    if (text !== undefined && text !== '') return ok(text)
    return fail('invalid_input', `the environment variable ${name} is not set`, {
      value: reference,
      remedy: `set ${name} for the process that runs Quorate, and start it again`,
    })
  }
  const path = absolutePath(name, base_dir)
  try {
    const found = statSync(path)
    if (!found.isFile())
      return fail('invalid_input', 'the secret file is not a file', {
        value: reference,
        remedy: 'name a readable file',
      })
    if (found.size > LARGEST_SECRET_BYTES)
      return fail('invalid_input', 'the secret file is larger than 64 kB', {
        value: reference,
        remedy: 'name a file that holds nothing but the secret',
      })
    const text = readFileSync(path, 'utf8').replace(/\r?\n$/, '')
    if (text !== '') return ok(text)
    return fail('invalid_input', 'the secret file is empty', { value: reference, remedy: 'write the secret into it' })
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code ?? 'unknown error'
    return fail('invalid_input', `the secret file cannot be read (${code})`, {
      value: reference,
      remedy: `make ${path} readable for the user that runs Quorate`,
    })
  }
}

/** Expands `~/` and makes a path absolute. */
export function absolutePath(path: string, base: string, home = homedir()): string {
  if (path === '~') return home
  if (path.startsWith('~/')) return join(home, path.slice(2))
  return isAbsolute(path) ? path : resolve(base, path)
}
