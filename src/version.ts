import { readFileSync } from 'node:fs'
import { join } from 'node:path'

// Read, not imported: package.json lies above src/ as it does above dist/, and is no part of the build.
const manifest = JSON.parse(readFileSync(join(import.meta.dirname, '..', 'package.json'), 'utf8')) as {
  version: string
}

/** Version of the program, as in package.json. */
export const VERSION: string = manifest.version
