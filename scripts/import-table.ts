/**
 * Who may import whom, as data. `scripts/check-imports.ts` holds it; every row says where to go instead.
 * A new folder of `src` needs a row here before it may exist.
 */

/** Files that say what a part does without doing it. Everyone above the pure folders may import them. */
export const contracts = [
  'src/agent-systems/agent-system.ts',
  'src/configuration/configuration.ts',
  'src/fleet/fleet.ts',
  'src/gateway/endpoint.ts',
  'src/models/model-gateway.ts',
  'src/planning/planner.ts',
  'src/store/store.ts',
  // Reads a page's cursor, so that an operation can refuse a wrong one by name.
  'src/store/cursor.ts',
  // What a store's promise rejects with; doors translate it.
  'src/store/store-failure.ts',
]

export type FolderRule = {
  folder: string
  /** No clock, dice, timers, network, process or `node:` modules. */
  pure: boolean
  /** `pure` (any pure folder), `contracts`, a folder ending in `/`, or a file. Its own folder and `src/failure.ts` always. */
  may: string[]
  instead: string
  /** Files of a pure folder that read files of the program itself. */
  reads?: string[]
}

const pure = (folder: string, more: string[] = []): FolderRule => ({
  folder,
  pure: true,
  may: ['pure', ...more],
  instead:
    'Pure folders decide, they do not act: take what you need as an argument (now, random, the value itself), or return a command and let src/durable carry it out.',
})

export const folders: FolderRule[] = [
  pure('src/workflow/'),
  pure('src/agents/'),
  pure('src/consensus/'),
  pure('src/swarm/'),
  pure('src/metrics/'),
  pure('src/budget/'),
  pure('src/progress/'),
  // Pure but for the model that it is handed and its own templates, which are files.
  { ...pure('src/planning/', ['src/models/model-gateway.ts']), reads: ['src/planning/templates.ts'] },
  {
    folder: 'src/configuration/',
    pure: false,
    may: ['pure'],
    instead:
      'The configuration knows settings, not parts: whoever needs a setting takes it from the Configuration it is handed.',
  },
  {
    folder: 'src/store/',
    pure: false,
    may: ['pure'],
    instead:
      'The store keeps what it is given. Put the decision into a pure folder and the call into whoever uses the store.',
  },
  {
    folder: 'src/models/',
    pure: false,
    may: ['pure', 'src/configuration/configuration.ts'],
    instead:
      'The gateway serves agents and the planner; it does not know them. Pass what it needs in the ModelRequest.',
  },
  {
    folder: 'src/gateway/',
    pure: false,
    may: ['pure', 'contracts'],
    instead:
      'The endpoint translates dialects to the ModelGateway and knows neither HTTP (src/api) nor the fleet: extend its contract (endpoint.ts).',
  },
  {
    folder: 'src/agent-systems/',
    pure: false,
    may: ['pure', 'src/models/model-gateway.ts', 'src/configuration/configuration.ts'],
    instead:
      'An adapter sees its contract (agent-system.ts), the vendor SDK and the AgentSystemContext it is handed. Ask for what is missing in the context.',
  },
  {
    folder: 'src/fleet/',
    pure: false,
    may: ['pure', 'contracts'],
    instead: 'Import the contract of the other part and have main.ts hand the implementation in.',
  },
  {
    folder: 'src/durable/',
    pure: false,
    may: ['pure', 'contracts', 'src/operations/operation.ts'],
    instead: 'Import the contract of the other part and have main.ts hand the implementation in.',
  },
  {
    folder: 'src/operations/',
    pure: false,
    may: ['pure', 'contracts'],
    instead:
      'An operation works with what its OperationContext offers; add it there, and have main.ts hand the implementation in.',
  },
  {
    folder: 'src/api/',
    pure: false,
    may: ['pure', 'contracts', 'src/operations/'],
    instead: 'HTTP is a thin door: put the work into an operation (src/operations) and call that.',
  },
  {
    folder: 'src/library/',
    pure: false,
    may: [
      'pure',
      'contracts',
      'src/operations/',
      'src/configuration/',
      'src/agent-systems/function/function.ts',
      // One client of the HTTP API for the command line and for programs.
      'src/cli/client.ts',
      'src/cli/follow-run.ts',
      'src/durable/logger.ts',
    ],
    instead:
      'The library is a thin door for programs: put the work into an operation (src/operations) and call that over the client.',
  },
  {
    folder: 'src/cli/',
    pure: false,
    may: ['pure', 'contracts', 'src/operations/', 'src/configuration/', 'src/version.ts', 'src/data-directory.ts'],
    instead: 'The command line is a thin door: put the work into an operation (src/operations) and call that.',
  },
]

/** Packages that compute and nothing else: pure folders may use them. */
export const purePackages = ['zod', 'canonicalize', '@marcbachmann/cel-js', '@cfworker/json-schema', 'yaml']

/** Names of `node:` modules that pure folders may import all the same: hashing computes. */
export const pureNodeImports: { [module: string]: string[] } = { 'node:crypto': ['createHash', 'hash'] }

export type PackageRule = { name: RegExp; only: string[]; instead: string }

export const packages: PackageRule[] = [
  {
    name: /^(kysely|node:sqlite|pg)(\/|$)/,
    only: ['src/store/'],
    instead:
      'Databases live in src/store: use the Store contract (src/store/store.ts), and add a method there if one is missing.',
  },
  {
    name: /^@restatedev\//,
    only: ['src/durable/'],
    instead:
      'The engine lives in src/durable: return a command from src/workflow, or use Runs (src/operations/operation.ts).',
  },
  {
    name: /^(openai|ollama)(\/|$)/,
    only: ['src/models/hosts/', 'src/agent-systems/openai_compatible/', 'src/agent-systems/ollama/'],
    instead:
      'Model servers are reached through the model gateway (src/models/model-gateway.ts); its hosts are in src/models/hosts.',
  },
  {
    name: /^node-llama-cpp(\/|$)/,
    only: ['src/models/hosts/', 'src/models/local/'],
    instead:
      'The local model runs in a child process of src/models; ask the model gateway (src/models/model-gateway.ts).',
  },
  {
    name: /^(hono|@hono\/.*)(\/|$)/,
    only: ['src/api/'],
    instead: 'HTTP lives in src/api: an operation returns a value and never sees a request.',
  },
  {
    name: /^commander(\/|$)/,
    only: ['src/cli/'],
    instead: 'Command-line parsing lives in src/cli.',
  },
]

export type FamilyRule = {
  folder: string
  list: string
  instead: string
  /** Files of a member that somebody besides the list may import. */
  open?: { file: string; to: string }[]
}

/** Folders with one sub-folder for each outside system. */
export const families: FamilyRule[] = [
  {
    folder: 'src/agent-systems/',
    list: 'src/agent-systems/all.ts',
    // No outside system: the functions are those of the program that embeds Quorate.
    open: [{ file: 'src/agent-systems/function/function.ts', to: 'src/library/' }],
    instead:
      'An adapter never imports a sibling or the list of them. What three of them need becomes a file beside the contract.',
  },
]

export const mainFile = 'src/main.ts'
/** Those that start the whole program; each begins a path. */
export const mainImporters = [
  'src/cli/main.ts',
  'src/library/open-quorate.ts',
  'test/',
  'bench/',
  'scripts/record-logs.ts',
]
export const mainInstead =
  'main.ts puts the parts together, and only what starts the whole program imports it: move what you need into the folder whose subject it is.'

/** Runs in Node and hands the routes of the operations to the console. */
export const consoleBuild = 'console/build.ts'
export const consoleInstead =
  'The console sees the program over HTTP: import the types of an operation (import type), and ask with call() of console/src/server/client.ts.'
