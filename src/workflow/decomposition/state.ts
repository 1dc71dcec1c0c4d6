/** What a run knows of tasks that are divided into smaller ones (decompose.ts). Plain JSON. */

export type Cap = 'depth' | 'breadth' | 'nodes' | 'budget'

/** Why a decomposition ended, or did not begin. */
export type StopName =
  /** A declared check, not the executor, says that the result is good. */
  | 'goal_check_passed'
  /** All parts (of `or`: one) succeeded, and nothing else was to be checked. */
  | 'parts_done'
  | 'parts_failed'
  | 'goal_check_failed'
  | 'budget'
  | 'depth_cap'
  | 'node_cap'
  | 'breadth_cap'
  /** The plan equals its parent: twice. */
  | 'same_plan'
  /** More than two re-plans. */
  | 'replans'
  /** Three parts in a row gave the same result. */
  | 'no_new_state'
  | 'no_planner'
  /** What the failed attempt did could not be undone. */
  | 'not_undone'
  /** The run begins nothing new any more. */
  | 'run_over'

/** Caps of one tree of tasks: the task that was declared and everything that comes of it, over all runs. */
export type TreeLimits = { depth: number; breadth: number; nodes: number }

/** What the run of a task's parts inherits. Pinned when it starts. */
export type Lineage = TreeLimits & {
  /** Level of its tasks: 2 for the parts of a task that is nobody's part. */
  level: number
  /** Tasks that may still be planned in it and below it: `nodes` of the tree less what is spent or promised elsewhere. */
  left: number
  /** Hashes of the tasks and plans above, normalised: none of them may come again. */
  tasks: string[]
  plans: string[]
}

export type DividedTask = {
  task: string
  run: string
  definition: string
  level: number
  logic: 'and' | 'or'
  parts: { capability: string; does: string }[]
  /** Tasks that may be planned below the parts. */
  nodes_left: number
}

/** A task that is being divided. */
export type PartsState = {
  phase: 'undo' | 'plan' | 'run' | 'undo_parts' | 'ended'
  /** What became of the task as a whole. */
  reason: string
  /** Whether it was tried as a whole before. */
  tried: boolean
  /** Calls of the planner so far, and those of them that the end of the program cut short. */
  attempt: number
  interrupted: number
  /** Calls of the compensation so far, and the last one of this round. */
  undo: number
  undo_last: number
  /** Proposals that equalled their parent. */
  repeated: number
  problems: string[]
  /** Tasks that may be planned below it. */
  share: number
  run?: string
  /** Parts of the plan that runs. */
  planned?: number
  /** A plan that has passed and waits for a raised budget. */
  ready?: Pick<DividedTask, 'logic' | 'parts' | 'definition'>
  /** Why it will have failed once what its parts did is undone. */
  stop?: StopName
  failed?: string
}
