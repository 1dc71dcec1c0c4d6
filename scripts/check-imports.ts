/**
 * Holds the import table (`scripts/import-table.ts`), forbids cycles (of types too), and keeps clock, dice, network and
 * process out of the pure folders. A real parser and no type checker, so it takes well under a second.
 */
import { dirname, join } from 'node:path'
import { parseSync, Visitor } from 'oxc-parser'
import {
  consoleBuild,
  consoleInstead,
  contracts,
  type FolderRule,
  families,
  folders,
  mainFile,
  mainImporters,
  mainInstead,
  packages,
  pureNodeImports,
  purePackages,
} from './import-table.ts'
import { isTest, lineAt, type Problem, readSources, report, type Sources } from './source-files.ts'

type Import = { target: string; offset: number; names: string[]; types: boolean }
type Named = { type: string; start: number; name: string }

const isNamed = (node: object): node is Named => 'name' in node && typeof node.name === 'string'

const folderOf = (path: string): FolderRule | undefined => folders.find(({ folder }) => path.startsWith(folder))

export function checkImports(sources: Sources): Problem[] {
  const problems: Problem[] = []
  const graph = new Map<string, Import[]>()
  for (const [path, text] of sources) {
    const { module, program, errors } = parseSync(path, text)
    const [broken] = errors
    if (broken) {
      problems.push({
        path,
        line: lineAt(text, broken.labels[0]?.start ?? 0),
        message: broken.message,
        instead: 'Correct the syntax; nothing else of this file was checked.',
      })
      continue
    }
    const imports: Import[] = []
    const add = (specifier: string, offset: number, names: string[], types = false) => {
      const target = specifier.startsWith('.') ? join(dirname(path), specifier) : specifier
      imports.push({ target, offset, names, types })
    }
    for (const { moduleRequest, entries } of module.staticImports) {
      add(
        moduleRequest.value,
        moduleRequest.start,
        entries.map((entry) => (entry.importName.kind === 'Name' ? (entry.importName.name ?? '*') : '*')),
        entries.length > 0 && entries.every((entry) => entry.isType),
      )
    }
    for (const entry of module.staticExports.flatMap(({ entries }) => entries)) {
      if (entry.moduleRequest) add(entry.moduleRequest.value, entry.moduleRequest.start, ['*'])
    }
    for (const node of importedTypesAndLoads(program)) add(node.specifier, node.offset, ['*'])
    graph.set(path, imports)

    const say = (offset: number, message: string, instead: string) =>
      problems.push({ path, line: lineAt(text, offset), message, instead })
    for (const found of imports) checkImport(path, found, say)
    if (folderOf(path)?.pure && !isTest(path)) checkPurity(program, folderOf(path)?.instead ?? '', say)
  }
  return [...problems, ...cycles(graph, sources)]
}

type Say = (offset: number, message: string, instead: string) => void

/** The console runs in a browser: of the program it sees types, and nothing of Node. */
function checkConsoleImport(path: string, { target, offset, types }: Import, say: Say): void {
  if (path === consoleBuild || isTest(path)) return
  if ((target.startsWith('src/') && !types) || target.startsWith('node:'))
    say(offset, `imports ${target}`, consoleInstead)
}

function checkImport(path: string, { target, offset, names, types }: Import, say: Say): void {
  if (target === mainFile) {
    if (!mainImporters.some((place) => path.startsWith(place))) say(offset, 'imports main.ts', mainInstead)
    return
  }
  if (path.startsWith('bin/') && !target.startsWith('node:') && !target.startsWith('bin/')) {
    return void say(
      offset,
      `imports ${target} from bin`,
      'bin runs on Node 20 before anything is installed: only node: modules and its own files.',
    )
  }
  if (path.startsWith('console/')) return checkConsoleImport(path, { target, offset, names, types }, say)
  if (!path.startsWith('src/')) return
  if (isTest(target) && !isTest(path)) {
    return void say(
      offset,
      `imports ${target}, which is for tests`,
      'What the program needs itself does not belong into a test, a suite or a stand-in.',
    )
  }
  if (path === mainFile) return

  const packageRule = packages.find(({ name }) => name.test(target))
  if (packageRule && !packageRule.only.some((place) => path.startsWith(place)))
    say(offset, `imports ${target}`, packageRule.instead)

  for (const { folder, list, open = [], instead } of families) {
    if (open.some(({ file, to }) => target === file && path.startsWith(to))) continue
    const [mine, theirs] = [member(folder, path), member(folder, target)]
    if (mine !== null && (target === list || (theirs !== null && theirs !== mine)))
      say(offset, `imports ${target}`, instead)
    if (mine === null && theirs !== null && path !== list && !isTest(path)) {
      say(offset, `imports ${target}`, `Only ${list} knows the members of ${folder}: import the contract.`)
    }
  }

  const rule = folderOf(path)
  if (!rule || isTest(path)) return
  if (target.startsWith('src/')) {
    if (!mayImport(rule, target)) say(offset, `imports ${target}`, rule.instead)
  } else if (rule.pure) {
    const allowed = target.startsWith('node:')
      ? names.every((name) => pureNodeImports[target]?.includes(name)) ||
        (rule.reads?.includes(path) === true && ['node:fs', 'node:path'].includes(target))
      : purePackages.some((name) => target === name || target.startsWith(`${name}/`))
    if (!allowed) say(offset, `imports ${target} into a pure folder`, rule.instead)
  }
}

/** The sub-folder of a family that a path lies in, or null. */
const member = (family: string, path: string): string | null =>
  path.startsWith(family) && path.slice(family.length).includes('/')
    ? (path.slice(family.length).split('/')[0] ?? null)
    : null

const mayImport = (rule: FolderRule, target: string): boolean =>
  target === 'src/failure.ts' ||
  target.startsWith(rule.folder) ||
  rule.may.some((what) =>
    what === 'pure'
      ? folderOf(target)?.pure === true
      : what === 'contracts'
        ? contracts.includes(target)
        : what.endsWith('/')
          ? target.startsWith(what)
          : target === what,
  )

/** `import('./x.ts')`, as an expression and as a type: the parser's module record has only the former, without its value. */
function importedTypesAndLoads(
  program: ReturnType<typeof parseSync>['program'],
): { specifier: string; offset: number }[] {
  const found: { specifier: string; offset: number }[] = []
  const take = (source: { type: string; start: number; value?: unknown }) => {
    if (source.type === 'Literal' && typeof source.value === 'string')
      found.push({ specifier: source.value, offset: source.start })
  }
  new Visitor({ ImportExpression: ({ source }) => take(source), TSImportType: ({ source }) => take(source) }).visit(
    program,
  )
  return found
}

/** Globals whose answer depends on when, where or how often they are asked. */
const impure = new Set([
  'fetch',
  'setTimeout',
  'setInterval',
  'setImmediate',
  'queueMicrotask',
  'process',
  'performance',
  'crypto',
  'console',
  'globalThis',
  'WebSocket',
  'XMLHttpRequest',
  'localStorage',
])

function checkPurity(program: ReturnType<typeof parseSync>['program'], instead: string, say: Say): void {
  const identifiers: Named[] = []
  const declared = new Set<string>()
  /** Names that are no reference: keys, properties, what a `typeof` type names. */
  const skip = new Set<object>()
  const declare = (node: object) => {
    if (isNamed(node)) {
      declared.add(node.name)
      skip.add(node)
    }
  }
  const parameters = ({ params }: { params: object[] }) => params.forEach(declare)
  const key = (node: { key: object }) => void skip.add(node.key)
  new Visitor({
    MemberExpression(node) {
      if (!node.computed) skip.add(node.property)
      if (!isNamed(node.object) || !isNamed(node.property)) return
      const name = `${node.object.name}.${node.property.name}`
      if (name === 'Date.now' || name === 'Math.random') say(node.start, `${name} in a pure folder`, instead)
    },
    NewExpression(node) {
      if (isNamed(node.callee) && node.callee.name === 'Date' && node.arguments.length === 0) {
        say(node.start, 'new Date() in a pure folder', instead)
      }
    },
    CallExpression(node) {
      if (isNamed(node.callee) && node.callee.name === 'Date') say(node.start, 'Date() in a pure folder', instead)
    },
    Property(node) {
      if (!node.computed && !node.shorthand) skip.add(node.key)
    },
    PropertyDefinition: key,
    MethodDefinition: key,
    TSPropertySignature: key,
    TSMethodSignature: key,
    TSTypeQuery: (node) => void skip.add(node.exprName),
    VariableDeclarator: (node) => declare(node.id),
    FunctionDeclaration(node) {
      if (node.id) declare(node.id)
      parameters(node)
    },
    FunctionExpression: parameters,
    ArrowFunctionExpression: parameters,
    TSFunctionType: parameters,
    ImportSpecifier: (node) => declare(node.local),
    Identifier: (node) => void identifiers.push(node),
  }).visit(program)
  for (const node of identifiers) {
    if (impure.has(node.name) && !declared.has(node.name) && !skip.has(node)) {
      say(node.start, `${node.name} in a pure folder`, instead)
    }
  }
}

/** Each group of files that import one another in a circle, once (Tarjan's strongly connected components). */
function cycles(graph: Map<string, Import[]>, sources: Sources): Problem[] {
  const problems: Problem[] = []
  const index = new Map<string, number>()
  const stack: string[] = []
  const within = (path: string) => (graph.get(path) ?? []).filter(({ target }) => graph.has(target))

  const visit = (path: string): number => {
    const mine = index.size
    let lowest = mine
    index.set(path, mine)
    stack.push(path)
    for (const { target } of within(path)) {
      if (!index.has(target)) lowest = Math.min(lowest, visit(target))
      else if (stack.includes(target)) lowest = Math.min(lowest, index.get(target) ?? lowest)
    }
    if (lowest === mine) {
      const group = stack.splice(stack.indexOf(path))
      const back = within(path).find(({ target }) => group.includes(target))
      if (group.length > 1 || back) {
        problems.push({
          path,
          line: lineAt(sources.get(path) ?? '', back?.offset ?? 0),
          message: `is in a cycle of ${group.length}: ${group.join(' → ')}`,
          instead: 'Move what both need into a file that imports neither, or pass it as an argument.',
        })
      }
    }
    return lowest
  }
  for (const path of graph.keys()) if (!index.has(path)) visit(path)
  return problems
}

if (import.meta.main) report(checkImports(readSources(join(import.meta.dirname, '..'))))
