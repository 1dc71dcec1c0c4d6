/** Text files that a command line names. */
import { existsSync, readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { fail, ok, type Result } from '../failure.ts'
import type { CommandContext } from './command-context.ts'

export const LARGEST_DEFINITION_BYTES = 4_000_000

/** Reads a UTF-8 file; the failure says what is wrong with it. Paths count from the folder the command was called in. */
export const reader =
  ({ cwd }: CommandContext, limit = 64_000_000) =>
  (path: string): Result<string> => {
    const full = resolve(cwd, path)
    if (!existsSync(full))
      return fail('invalid_input', `there is no file ${path}`, {
        field: 'file',
        value: path,
        remedy: `check the path; it counts from ${cwd}`,
      })
    try {
      const bytes = readFileSync(full)
      if (bytes.byteLength > limit)
        return fail('invalid_input', `${path} is larger than ${limit / 1e6} MB`, {
          field: 'file',
          value: path,
          remedy: 'give a smaller file',
        })
      return ok(new TextDecoder('utf-8', { fatal: true }).decode(bytes))
    } catch (error) {
      const code = (error as NodeJS.ErrnoException).code
      const why =
        code === 'ERR_ENCODING_INVALID_ENCODED_DATA'
          ? 'is not UTF-8 text'
          : `cannot be read (${code ?? 'unknown error'})`
      return fail('invalid_input', `${path} ${why}`, {
        field: 'file',
        value: path,
        remedy: 'give a readable text file',
      })
    }
  }
