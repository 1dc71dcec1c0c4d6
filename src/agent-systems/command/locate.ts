/** Finds what a command needs before it is started, so that each thing that is missing is told apart from the others. */
import { constants } from 'node:fs'
import { access, realpath, stat } from 'node:fs/promises'
import { delimiter, isAbsolute, join, relative, resolve } from 'node:path'
import { excerpt, fail, ok, type Result } from '../../failure.ts'

/** The path of a program: itself when it names one (relative ones belong to `folder`), else the first hit on `path`. */
export async function locateProgram(program: string, path: string, folder: string): Promise<Result<string>> {
  const about = { field: 'settings.command[0]', value: excerpt(program) }
  const named = program.includes('/')
  const places = named ? [resolve(folder, program)] : path.split(delimiter).map((entry) => join(entry, program))
  let other: Result<never> | null = null
  for (const place of places) {
    const found = await stat(place).catch(() => null)
    if (!found) continue
    if (!found.isFile())
      other ??= fail('unavailable', `${excerpt(program)} is not a file that can be run`, {
        ...about,
        remedy: 'name the program, not its folder',
      })
    else if (await executable(place)) return ok(place)
    else
      other ??= fail('unavailable', `${excerpt(program)} is not executable`, {
        ...about,
        remedy: `chmod +x ${excerpt(place)}`,
      })
  }
  const remedy = named
    ? 'install it, or correct the path'
    : 'install it, write its whole path, or set PATH in the agent’s env'
  return other ?? fail('unavailable', `the program ${excerpt(program)} was not found`, { ...about, remedy })
}

const executable = (path: string): Promise<boolean> =>
  access(path, constants.X_OK).then(
    () => true,
    () => false,
  )

/** A folder that the settings name, when it exists and lies in one that the configuration allows. Links are followed first. */
export async function allowedFolder(folder: string, allowed: readonly string[]): Promise<Result<string>> {
  const about = { field: 'settings.work_folder', value: excerpt(folder) }
  const real = await realpath(folder).catch(() => null)
  if (real === null)
    return fail('unavailable', `the work folder ${excerpt(folder)} does not exist`, {
      ...about,
      remedy: 'make it, or use work_folder: fresh',
    })
  if (!(await stat(real)).isDirectory()) {
    return fail('unavailable', `the work folder ${excerpt(folder)} is not a directory`, {
      ...about,
      remedy: 'name a directory',
    })
  }
  for (const entry of allowed) {
    const within = relative(await realpath(entry).catch(() => resolve(entry)), real)
    if (within !== '..' && !within.startsWith('../') && !isAbsolute(within)) return ok(real)
  }
  return fail('refused', `no command may work in ${excerpt(folder)}`, {
    ...about,
    remedy: 'list it among the work folders of the configuration',
  })
}
