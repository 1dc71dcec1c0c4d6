/**
 * Logs that released versions have written, replayed by this one: every event must follow from the inputs as it did then,
 * byte for byte, and lead to the state that it led to then. A run that was begun under an older version is parked for
 * months and goes on under this one; its log is all there is of it.
 *
 * When this fails, the program decides otherwise than a released version did. Do not record anew. Either decide as before
 * for logs of that form (a field that only newer logs have tells them apart, as `program` of `run_started` does), or give
 * the event a new version `v` and bring the older one into the new form where it is read.
 */
import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { canonicalJson } from '../../src/workflow/content-hash.ts'
import { type Definition, stageKinds } from '../../src/workflow/definition.ts'
import { isInput, type RunEvent } from '../../src/workflow/event.ts'
import { openMigration } from '../../src/workflow/migration.ts'
import { replay } from '../../src/workflow/replay.ts'
import type { RunState } from '../../src/workflow/run-state.ts'

type Recorded = { about: string; definitions: { [hash: string]: Definition }; state: RunState; events: RunEvent[] }

function read(file: string): Recorded {
  const [head = '', ...lines] = readFileSync(file, 'utf8').trimEnd().split('\n')
  return {
    ...(JSON.parse(head) as Omit<Recorded, 'events'>),
    events: lines.map((line) => JSON.parse(line) as RunEvent),
  }
}

/** What a state has of another one's fields: a newer version may keep more, what was there must be the same. */
function fieldsOf(value: unknown, wanted: unknown): unknown {
  if (!isObject(value) || !isObject(wanted)) return value
  return Object.fromEntries(
    Object.entries(wanted).flatMap(([name, inner]) => (name in value ? [[name, fieldsOf(value[name], inner)]] : [])),
  )
}
const isObject = (value: unknown): value is { [name: string]: unknown } =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

const versions = readdirSync(import.meta.dirname, { withFileTypes: true }).filter((entry) => entry.isDirectory())
for (const { name } of versions)
  describe(`recorded by ${name}`, () => {
    const folder = join(import.meta.dirname, name)
    const recordings = readdirSync(folder).map((file) => read(join(folder, file)))
    for (const { about, definitions, state, events } of recordings)
      test(`${about}, ${events.length} events`, () => {
        const definitionOf = (hash: string): Definition => definitions[hash] as Definition
        const replayed = replay(structuredClone(events), definitionOf)
        assert.equal(replayed.first_difference, undefined, JSON.stringify(replayed.first_difference, null, 2))
        assert.equal(canonicalJson(fieldsOf(replayed.state, state)), canonicalJson(state))
        // As an upgrade looks at it.
        const migration = openMigration(state.run, null, definitionOf)
        assert.ok(migration.add(structuredClone(events)))
        assert.equal(migration.result().unread_from, null)
      })

    test('shows every kind of stage and most kinds of events', () => {
      const all = recordings.flatMap(({ events }) => events)
      const kinds = new Set(all.flatMap((event) => (event.type === 'stage_started' ? [event.data.kind] : [])))
      assert.deepEqual(
        stageKinds.filter((kind) => !kinds.has(kind)),
        [],
      )
      const types = new Set(all.map(({ type }) => type))
      assert.ok(types.size >= 28, `only ${types.size} of ${Object.keys(isInput).length} types of events`)
    })
  })

test('there is at least one version', () => assert.ok(versions.length > 0))
