/** Which tests `npm test` runs. Runs on Node 20. */
import { existsSync, readdirSync } from 'node:fs'
import { join } from 'node:path'

/** Tests that need what a plain machine does not have, or long; they have commands of their own. */
const elsewhere = ['test/proof', 'test/service']

/** Every `*.test.ts` under src, console, test and bin but those. Paths relative to the root, sorted. @param {string} root */
export function testFiles(root) {
  /** @param {string} folder @returns {string[]} */
  const walk = (folder) =>
    elsewhere.includes(folder) || !existsSync(join(root, folder))
      ? []
      : readdirSync(join(root, folder), { withFileTypes: true }).flatMap((entry) =>
          entry.isDirectory()
            ? entry.name === 'node_modules'
              ? []
              : walk(`${folder}/${entry.name}`)
            : entry.name.endsWith('.test.ts')
              ? [`${folder}/${entry.name}`]
              : [],
        )
  return [...walk('src'), ...walk('console'), ...walk('test'), ...walk('bin')].sort()
}

/** `npm test -- --test-name-pattern=x src/a.test.ts`: flags go to the test runner, names replace the usual files. @param {string[]} args */
export const splitTestArguments = (args) => ({
  flags: args.filter((arg) => arg.startsWith('-')),
  named: args.filter((arg) => !arg.startsWith('-')),
})
