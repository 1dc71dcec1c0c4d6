/**
 * Tables of the docs that repeat what the code says. `node scripts/doc-tables.ts` writes them between their marks;
 * `test/docs/tables.test.ts` compares.
 */
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { ownVariable, type Setting, type SettingKey, settingKeys, settings } from '../src/configuration/settings.ts'
import { operations } from '../src/operations/all.ts'
import { durationText } from '../src/workflow/duration.ts'
import { folders } from './import-table.ts'

const root = join(import.meta.dirname, '..')

/** What each setting is for. A new setting does not compile without its line. */
const meanings: { [K in SettingKey]: string } = {
  host: 'Address of the API. Anything but loopback needs `authentication: keys` and a key.',
  port: 'Port of the API; 0 takes any free one.',
  authentication:
    'Who is answered: whoever reaches it (`off`), or only those with an API key (`keys`). See `docs/http.md`.',
  data_dir: 'Database, engine, work folders. Back it up.',
  cache_dir: 'Models are fetched into it once.',
  namespace: 'Stands on every row, so that several installations can share a database.',
  log_level: 'What is logged.',
  'limits.max_parallel_workflows':
    'Runs that execute at once. Others wait in a queue; a run that waits for a person or a timer holds no place.',
  'limits.agent_pool_size': 'Calls to agents in flight at once, over all runs.',
  'limits.body_bytes': 'Largest request body.',
  'limits.goal_characters': 'Longest goal.',
  'limits.json_depth': 'Deepest nesting of a request body.',
  'limits.agents': 'Most agents registered.',
  'limits.queued_runs': 'Most runs in the queue; the next one is refused with 429.',
  'models.default':
    "The manager's own model, which plans and drives the default agents. Nothing: the best one there is.",
  'models.hosts':
    'Model servers: `name`, `kind` (`openai_compatible` or `ollama`), `url`, `api_key` (a reference), `concurrency`.',
  'models.ollama_url': 'Where Ollama is looked for.',
  'models.local.enabled': 'Whether a model may run on this machine in a child process when there is no server.',
  'models.local.model':
    'Which of the models that Quorate can fetch. Nothing: the best that fits the memory and can be reached.',
  'models.local.path': 'A GGUF file of your own.',
  'models.local.threads': 'Threads of the local model. By default one fewer than there are cores, 8 at most.',
  'models.local.context_tokens': 'Context of the local model.',
  'models.local.hub': 'Whether the Hugging Face hub may be asked.',
  'gateway.replay_calls':
    'Which model calls of an agent outside are answered from the record when its attempt was broken off and is carried out again: `never`, those at temperature 0 (`deterministic`), or `always`.',
  'gateway.record_bodies':
    'Whether prompts and answers of such calls are kept, without secrets. Without them none is answered again.',
  'budgets.total': 'What all runs together may use, for good: `tokens`, `calls`, `money`. See `docs/budgets.md`.',
  'budgets.daily': 'What all runs together may use in a day (UTC).',
  'budgets.agents_daily': 'The same for single agents, by name.',
  'budgets.model_hosts_daily': 'The same for single model hosts, by name.',
  'budgets.prices':
    'What a model costs for a million tokens: `input`, `output`, by `host/model`, `model`, `host/*` or `*`. Models of this machine and of Ollama cost nothing unless they stand here.',
  'progress.silence':
    'No attempt of a task is ended for want of a sign of life before this time is over. See `docs/progress.md`.',
  'progress.lease':
    'How long a call waits for an agent before a run that holds more than its share of it has to give a place back.',
  'outbound.allow':
    'Hosts and networks that `http` agents may reach besides public addresses. Loopback and private ones are refused unless they stand here.',
  work_folders: 'Folders, with all below them, that agents of the system `command` may work in.',
  decision_timeout: 'Time for a ballot of a vote that has no `timeout` of its own. Nothing: that of the agent.',
  consensus_threshold:
    'Share of the votes that the winner of a vote must exceed, where the vote has no `threshold` of its own.',
  agents: 'Agents, as the API takes them. Those from the file are read-only through the API.',
  default_agents: 'Whether the twelve default agents are there.',
  'coordinator.enabled': 'Checked and kept; nothing reads it yet, and the start says so.',
  'coordinator.path': 'Checked and kept; nothing reads it yet, and the start says so.',
  'coordinator.sync_interval': 'Checked and kept; nothing reads it yet, and the start says so.',
  'coordinator.feedback': 'Checked and kept; nothing reads it yet, and the start says so.',
  'coordinator.mode': 'Checked and kept; nothing reads it yet, and the start says so.',
  'monitoring.metrics_endpoint': 'Checked and kept; nothing reads it yet, and the start says so.',
  'monitoring.log_aggregation': 'Checked and kept; nothing reads it yet, and the start says so.',
  'monitoring.trace_sampling': 'Checked and kept; nothing reads it yet, and the start says so.',
  'stores.redis_url': 'Checked and kept; nothing reads it yet, and the start says so.',
  'stores.postgres_url': 'Checked and kept; nothing reads it yet, and the start says so: state is in SQLite.',
  'stores.vector_stores': 'Checked and kept; nothing reads it yet, and the start says so.',
  orchestration_patterns: 'Checked and kept; nothing reads it yet, and the start says so.',
  agent_categories: 'Checked and kept; nothing reads it yet, and the start says so.',
  agent_count: 'Checked and kept; nothing reads it yet, and the start says so.',
}

/** Spans of time are kept in milliseconds and written with a unit. */
const spans: SettingKey[] = ['decision_timeout', 'coordinator.sync_interval']

function fallbackText(key: SettingKey): string {
  if (key === 'models.local.threads') return 'cores - 1'
  const machine = { cores: 4, home: '~', xdg_cache_home: null }
  const value: unknown = settings[key].fallback(machine)
  if (value === null) return '(nothing)'
  if (spans.includes(key)) return `\`${durationText(Number(value))}\``
  return `\`${typeof value === 'string' ? value : JSON.stringify(value)}\``
}

const cell = (text: string): string => text.replaceAll('|', '\\|')

function configurationTable(): string {
  const lines = settingKeys.map((key) => {
    const { environment = [], flag, localagi, text } = settings[key] as Setting
    const names = [...environment, ...(text === null ? [] : [ownVariable(key)])].map((name) => `\`${name}\``)
    const others = [...(flag ? [`\`--${flag}\``] : []), ...(localagi ? [`\`${localagi.join('.')}\``] : [])]
    return `| \`${key}\` | ${fallbackText(key)} | ${names.join(', ')} | ${others.join(', ')} | ${cell(meanings[key])} |`
  })
  return [
    '| key | default | environment | flag, localagi-config.yaml | meaning |',
    '| --- | --- | --- | --- | --- |',
    ...lines,
  ].join('\n')
}

function operationsTable(): string {
  const lines = operations.map(
    ({ method, path, aliases = [], name, summary, status = 200, needs }) =>
      `| \`${method} ${path}\`${aliases.map((alias) => `, \`${alias}\``).join('')} | \`${name}\` | ${cell(summary)} | ${status} | \`${needs}\` |`,
  )
  return [
    '| request | operation | what it does | status | permission |',
    '| --- | --- | --- | --- | --- |',
    ...lines,
  ].join('\n')
}

/** The table at the head of feedback.ts. */
function feedbackTable(): string {
  const head = readFileSync(join(root, 'src/workflow/feedback.ts'), 'utf8').split('*/')[0] ?? ''
  return head
    .split('\n')
    .filter((line) => line.startsWith(' * |'))
    .map((line) => line.slice(3))
    .join('\n')
}

function importTable(): string {
  const lines = folders.map(({ folder, pure, may }) => {
    const allowed = may.map((one) =>
      one === 'pure' ? 'pure folders' : one === 'contracts' ? 'contracts' : `\`${one}\``,
    )
    return `| \`${folder}\` | ${pure ? 'yes' : ''} | ${allowed.join(', ')} |`
  })
  return ['| folder | pure | may import |', '| --- | --- | --- |', ...lines].join('\n')
}

/** Each stands in its file between `<!-- name -->` and `<!-- /name -->`. */
export const docTables: { file: string; name: string; table: () => string }[] = [
  { file: 'docs/configuration.md', name: 'settings', table: configurationTable },
  { file: 'docs/http.md', name: 'operations', table: operationsTable },
  { file: 'docs/definitions.md', name: 'feedback actions', table: feedbackTable },
  { file: 'AGENTS.md', name: 'imports', table: importTable },
]

/** The text with the table put between its marks; null when the marks are missing. */
export function withTable(text: string, name: string, table: string): string | null {
  const [begin, end] = [`<!-- ${name} -->\n`, `\n<!-- /${name} -->`]
  const [from, to] = [text.indexOf(begin), text.indexOf(end)]
  return from === -1 || to === -1 ? null : `${text.slice(0, from + begin.length)}${table}${text.slice(to)}`
}

if (import.meta.main)
  for (const { file, name, table } of docTables) {
    const path = join(root, file)
    const written = withTable(readFileSync(path, 'utf8'), name, table())
    if (written === null) throw new Error(`${file} has no place for the table "${name}"`)
    writeFileSync(path, written)
  }
