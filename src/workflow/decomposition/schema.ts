/** How a definition says that tasks which fail for good are divided into smaller ones. */
import { z } from 'zod'

/** Levels that decomposition may have at most, the task itself included: each below it is a run of its own. */
const DEEPEST_DECOMPOSITION = 8

export const decomposeSchema = z
  .union([
    z.boolean(),
    z.strictObject({
      depth: z
        .int()
        .min(2)
        .max(DEEPEST_DECOMPOSITION)
        .optional()
        .meta({ description: 'Levels, the task itself included (default 3): below the last nothing is decomposed' }),
      breadth: z.int().min(2).max(10).optional().meta({ description: 'Most parts of one task (default 5)' }),
      nodes: z
        .int()
        .min(3)
        .max(1_000)
        .optional()
        .meta({ description: 'Most tasks in all, the task itself and all levels below it included (default 40)' }),
      too_large: z
        .boolean()
        .optional()
        .meta({ description: 'The task is too large to be tried as it is: it is decomposed at once' }),
      success: z.string().min(1).max(2_000).optional().meta({
        description:
          'CEL over `output`: whether the result is good enough. Neither an agent nor a planner judges itself.',
      }),
    }),
  ])
  .meta({
    description: 'What to do with a task that fails for good: a planner divides it into smaller ones. Off unless said.',
  })
export type Decompose = z.infer<typeof decomposeSchema>
