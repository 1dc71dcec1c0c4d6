import type { Behaviours } from '../turn.ts'
import { approvalBehaviour } from './approval.ts'
import { decideBehaviour } from './decide.ts'
import { forEachBehaviour } from './for_each.ts'
import { loopBehaviour } from './loop.ts'
import { runBehaviour } from './run.ts'
import { tasksBehaviour } from './tasks.ts'
import { timerBehaviour } from './timer.ts'
import { voteBehaviour } from './vote.ts'
import { waitBehaviour } from './wait.ts'

/** The total table of what kinds of stage do. */
export const behaviours: Behaviours = {
  tasks: tasksBehaviour,
  vote: voteBehaviour,
  decide: decideBehaviour,
  loop: loopBehaviour,
  for_each: forEachBehaviour,
  timer: timerBehaviour,
  wait: waitBehaviour,
  approval: approvalBehaviour,
  run: runBehaviour,
}
