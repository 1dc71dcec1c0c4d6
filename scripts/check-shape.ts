/** What no linter can state about the shape of the tree. Each rule says what to do instead. */
import { existsSync, globSync, readdirSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { families, folders } from './import-table.ts'
import { isTest, lineAt, type Problem, readSources, report, type Sources } from './source-files.ts'

/** Names that say nothing about what is inside. */
const forbidden = new Set(['utils', 'util', 'helpers', 'helper', 'common', 'shared', 'lib', 'misc', 'core', 'index'])

const MOST_LINES = 400

export type Tree = {
  sources: Sources
  /** Markdown of ours: path from the root to text. */
  docs: Map<string, string>
  /** Folders of `src`, those of its families one level deeper: `src/store/`, `src/agent-systems/letta/`. */
  folders: string[]
  /** Whether a path from the root, or a pattern with `*`, names something. */
  exists: (path: string) => boolean
}

export function checkShape(tree: Tree): Problem[] {
  return [...names(tree), ...sizes(tree), ...table(tree), ...adapters(tree), ...routes(tree), ...citedPaths(tree)]
}

const problem = (path: string, message: string, instead: string, line = 1): Problem => ({
  path,
  line,
  message,
  instead,
})

function names({ sources }: Tree): Problem[] {
  return [...sources.keys()].flatMap((path) =>
    path
      .split('/')
      .map((part) => part.split('.')[0] ?? '')
      .filter((part) => forbidden.has(part))
      .map((part) => problem(path, `is named ${part}`, 'Name it after its subject: what question does it answer?')),
  )
}

function sizes({ sources }: Tree): Problem[] {
  return [...sources].flatMap(([path, text]) => {
    const lines = text.split('\n').length - 1
    const reason = text.split('\n', 12).some((line) => /^\s*(\/\/|\*|\/\*\*) over 400 lines because \S/.test(line))
    return lines > MOST_LINES && !reason
      ? [
          problem(
            path,
            `has ${lines} lines`,
            'Split it by subject, or say why not near its top: // over 400 lines because …',
          ),
        ]
      : []
  })
}

function table(tree: Tree): Problem[] {
  const top = [
    ...new Set([...tree.folders, ...tree.sources.keys()].flatMap((path) => /^src\/[^/]+\//.exec(path) ?? [])),
  ]
  return [
    ...top
      .filter((folder) => !folders.some((rule) => rule.folder === folder))
      .map((folder) =>
        problem(folder, 'is not in the import table', 'Say in scripts/import-table.ts what it may import.'),
      ),
    ...folders
      .filter((rule) => !top.includes(rule.folder))
      .map((rule) =>
        problem('scripts/import-table.ts', `has a row for ${rule.folder}, which is not there`, 'Remove the row.'),
      ),
  ]
}

function adapters(tree: Tree): Problem[] {
  return families.flatMap(({ folder, list }) =>
    tree.folders
      .filter((path) => path.startsWith(folder) && path !== folder)
      .flatMap((path) => {
        const name = path.slice(folder.length, -1)
        const test = tree.sources.get(`${path}${name}.test.ts`)
        const listed = tree.sources.get(list)?.includes(`./${name}/${name}.ts`) ?? false
        return [
          ...(tree.sources.has(`${path}${name}.ts`)
            ? []
            : [problem(path, `has no ${name}.ts`, 'The adapter is the file named like its folder.')]),
          ...(test?.includes('conforms(')
            ? []
            : [
                problem(
                  path,
                  `has no ${name}.test.ts that calls conforms(`,
                  'Every adapter runs the conformance suite of its contract.',
                ),
              ]),
          ...(listed ? [] : [problem(list, `does not list ${name}`, `Import ./${name}/${name}.ts there.`)]),
        ]
      }),
  )
}

/** The route of an operation stands in its own file and nowhere else; the others ask the operation. */
function routes({ sources }: Tree): Problem[] {
  const owners = new Map<string, string>()
  const problems: Problem[] = []
  const operations = [...sources].filter(([path]) => path.startsWith('src/operations/') && !isTest(path))
  const literals = new Set<string>()
  for (const [path, text] of operations) {
    const route = /^\s*path: '(\/[^']*)'/m.exec(text)?.[1]
    const method = /^\s*method: '([A-Z]+)'/m.exec(text)?.[1]
    if (!route || !method) continue
    if (route.length > 1) literals.add(route)
    const key = `${method} ${route}`
    const owner = owners.get(key)
    if (owner) problems.push(problem(path, `has the route ${key} of ${owner}`, 'One operation for each route.'))
    owners.set(key, path)
  }
  for (const [path, text] of sources) {
    if (!path.startsWith('src/') || path.startsWith('src/operations/') || isTest(path)) continue
    for (const literal of literals) {
      const at = [`'${literal}'`, `"${literal}"`].map((quoted) => text.indexOf(quoted)).find((offset) => offset !== -1)
      if (at !== undefined) {
        problems.push(
          problem(
            path,
            `repeats the route ${literal}`,
            'Take the path from the operation, so that it stands in one file.',
            lineAt(text, at),
          ),
        )
      }
    }
  }
  return problems
}

const rootFolders = /^(src|docs|test|bench|scripts|bin|examples|console|\.ci)\//

/** Paths in backticks and in relative links. */
function citedPaths({ docs, exists }: Tree): Problem[] {
  return [...docs].flatMap(([path, text]) => {
    const cited: { offset: number; target: string }[] = []
    for (const { index, 1: quoted } of text.matchAll(/`([^`\s]+)`/g)) {
      if (quoted && rootFolders.test(quoted)) cited.push({ offset: index, target: quoted })
    }
    for (const { index, 1: link } of text.matchAll(/\]\(([^)\s]+)\)/g)) {
      if (link && !/^([a-z]+:|#|\/)/i.test(link)) cited.push({ offset: index, target: join(dirname(path), link) })
    }
    return (
      cited
        .map(({ offset, target }) => ({
          offset,
          target: target
            .replace(/#.*$/, '')
            .replace(/:\d+(-\d+)?$/, '')
            .replace(/\/$/, ''),
        }))
        // A placeholder is not a path; what a build makes is there on one machine and not on the next.
        .filter(({ target }) => target !== '' && !/[<>{}…]|(^|\/)dist(\/|$)/.test(target))
        .filter(({ target }) => !exists(target))
        .map(({ offset, target }) =>
          problem(
            path,
            `names ${target}, which is not there`,
            'Correct the path, or the sentence.',
            lineAt(text, offset),
          ),
        )
    )
  })
}

export function readTree(root: string): Tree {
  const skip = (name: string) => name === 'node_modules' || name === '.git' || name === '.quorate'
  const below = (folder: string): string[] =>
    existsSync(join(root, folder))
      ? readdirSync(join(root, folder), { withFileTypes: true })
          .filter((entry) => entry.isDirectory())
          .map((entry) => `${folder}${entry.name}/`)
      : []
  return {
    sources: readSources(root),
    docs: new Map(
      globSync('**/*.md', { cwd: root, exclude: skip }).map((path) => [path, readFileSync(join(root, path), 'utf8')]),
    ),
    folders: [...below('src/'), ...families.flatMap(({ folder }) => below(folder))],
    exists: (path) =>
      path.includes('*') ? globSync(path, { cwd: root, exclude: skip }).length > 0 : existsSync(join(root, path)),
  }
}

if (import.meta.main) report(checkShape(readTree(join(import.meta.dirname, '..'))))
