import assert from 'node:assert/strict'
import { globSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { parse } from 'yaml'
import type { Stage } from '../../../src/workflow/definition.ts'
import { graphOf } from '../../../src/workflow/graph.ts'
import { pathOf, stageGraph } from './stage-graph.ts'

const root = join(import.meta.dirname, '../../..')
const files = globSync('{test/definitions/right,src/planning/templates}/*.yaml', { cwd: root })

test('what is drawn is what is executed: the edges of every example are those of the core', () => {
  assert.ok(files.length > 20)
  for (const file of files) {
    const { stages } = parse(readFileSync(join(root, file), 'utf8')) as { stages: Stage[] }
    const drawn = stageGraph(stages)
    const check = (list: Stage[], prefix: string): void => {
      const graph = graphOf(list)
      for (const stage of list) {
        const to = `${prefix}${stage.id}`
        const from = [...new Set(drawn.edges.filter((edge) => edge.to === to).map((edge) => edge.from))].sort()
        const needs = (graph.needs.get(stage.id) ?? []).map((id) => `${prefix}${id}`).sort()
        assert.deepEqual(from, needs, `${file}: ${to}`)
        if ('stages' in stage) check(stage.stages, `${to}.`)
      }
    }
    check(stages, '')
  }
})

test('an address in an iteration is drawn at its place in the definition', () => {
  assert.equal(pathOf('improve[3].write[12].draft'), 'improve.write.draft')
})
