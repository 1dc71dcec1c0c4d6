/** Definitions and runs of a program within the test's own process. */
import assert from 'node:assert/strict'
import type { Quorate } from '../../src/main.ts'
import type { RunRow } from '../../src/store/store.ts'
import { type Definition, definitionSchema } from '../../src/workflow/definition.ts'
import { hasEnded } from '../../src/workflow/run-state.ts'
import { until } from './running-product.ts'

/** `quorate` is asked for each time: tests end the program and start another. */
export function storedRuns(quorate: () => Quorate) {
  const rowWhen = (run: string, found: (row: RunRow) => boolean): Promise<RunRow | null> =>
    until(
      () => quorate().store.runs.get(run),
      (row) => row !== null && found(row),
    )
  return {
    /** The hash of the definition. */
    async put(name: string, stages: unknown[], more: object = {}): Promise<string> {
      const definition = definitionSchema.parse({ apiVersion: 'quorate/v1', name, stages, ...more }) as Definition
      return (await quorate().store.definitions.put(definition, 'test', '')).hash
    },
    /** The id of the run. */
    async start(definition: string): Promise<string> {
      const run = await quorate().runs.start({ kind: 'workflow', goal: 'the goal', definition, inputs: {}, by: 'test' })
      assert.ok(run.ok)
      return run.value.run
    },
    rowWhen,
    ended: (run: string) => rowWhen(run, ({ status }) => hasEnded(status)),
  }
}
