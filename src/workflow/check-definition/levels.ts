/** The levels of a definition: its own stages, and the body of each loop and for_each. */
import type { Definition, Stage } from '../definition.ts'
import { type Graph, graphOf } from '../graph.ts'
import type { Path } from './problems.ts'

export type Level = {
  stages: readonly Stage[]
  graph: Graph
  /** Where the list of stages stands. */
  path: Path
  /** The level around this one, and the stage there that this one is the body of. */
  outer: { level: Level; stage: Stage & { kind: 'loop' | 'for_each' } } | null
  /** Place of each stage in the list. */
  index: Map<string, number>
}

/** All levels, each before the bodies inside it. */
export function levelsOf(definition: Definition): Level[] {
  const levels: Level[] = [level(definition.stages, ['stages'], null)]
  for (let at = 0; at < levels.length; at++) {
    const outer = levels[at] as Level
    for (const [i, stage] of outer.stages.entries())
      if (stage.kind === 'loop' || stage.kind === 'for_each')
        levels.push(level(stage.stages, [...outer.path, i, 'stages'], { level: outer, stage }))
  }
  return levels
}

function level(stages: readonly Stage[], path: Path, outer: Level['outer']): Level {
  const index = new Map<string, number>()
  for (const [i, { id }] of stages.entries()) if (!index.has(id)) index.set(id, i)
  return { stages, graph: graphOf(stages), path, outer, index }
}

/** Where a stage of this level stands. */
export const pathOfStage = (level: Level, id: string): Path => [...level.path, level.index.get(id) ?? 0]
