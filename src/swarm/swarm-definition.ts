/**
 * The definition that a swarm runs, built by code: every agent proposes on its own, from an angle of its own; all vote
 * for one proposal, counted as a plurality; one writes the answer up. Agents see nothing of each other before they
 * vote, so that the proposals are independent. Topologies and rounds are not part of it.
 */
import { API_VERSION, type Definition, type Stage, type Task } from '../workflow/definition.ts'

/** Members of a swarm. */
export const swarmLimits = { least: 1, most: 101, usual: 10 } as const

/** Proposals that are put to the vote at most: the options of one vote, and what a voter can read. */
export const MOST_PROPOSALS = 50

/** Output tokens that all proposals together may have, so that a voter with a context of 4,096 can read them. */
const PROPOSAL_TOKENS = 2_400
const LONGEST_PROPOSAL = 300
const SHORTEST_PROPOSAL = 48

/** Angles, so that members differ even where one model stands behind all of them. */
const angles = [
  'Propose the most direct solution.',
  'Propose the solution with the least risk; name the risks of the obvious one.',
  'Propose the cheapest solution that still meets the objective.',
  'Propose a solution that questions an assumption in the objective.',
  'Break the objective into parts and solve the hardest part first.',
  'Propose how the result would be checked, and the solution that passes that check.',
  'Argue from a comparable case that is already solved.',
  'Propose the solution that lasts longest without care.',
  'Look for what everyone else will overlook, and propose from there.',
  'Propose the smallest first step that brings the most.',
] as const

/**
 * @param agents Names of the agents that take new work, best first; members are dealt out over them in turn. Not empty.
 * @param size Members, 1 to 101.
 */
export function swarmDefinition(objective: string, size: number, agents: readonly string[]): Definition {
  const proposals = Math.min(size, MOST_PROPOSALS)
  const max_output_tokens = Math.max(
    SHORTEST_PROPOSAL,
    Math.min(LONGEST_PROPOSAL, Math.floor(PROPOSAL_TOKENS / proposals)),
  )
  const members = Array.from({ length: size }, (_, i) => agents[i % agents.length] as string)
  const tasks = Array.from({ length: proposals }, (_, i): Task => {
    const agent = members[i] as string
    return {
      id: `proposal_${i + 1}`,
      agent,
      fallback: others(agents, agent),
      instructions: `Propose how to meet the objective. ${angles[i % angles.length]} Be short and concrete: at most five sentences.`,
      input: { objective: '=inputs.goal' },
      max_output_tokens,
    }
  })
  const propose: Stage = { id: 'propose', kind: 'tasks', title: 'Propose', tasks, on_failure: 'fail' }
  const vote: Stage = {
    id: 'choose',
    kind: 'vote',
    title: 'Choose',
    question: 'Which proposal meets the objective best? Choose only one that is shown.',
    options: tasks.map((task) => task.id),
    // With fewer agents than members the fleet deals the ballots out: a named agent has one vote.
    voters: agents.length >= size ? members : size,
    input: { objective: '=inputs.goal', proposals: '=propose.outputs' },
    // The most votes win; a tie decides nothing. Without a decision there is still a summary, which says so.
    threshold: 0,
    on_failure: 'continue',
  }
  const voted = proposals > 1
  const writer = agents[0] as string
  const summarise: Stage = {
    id: 'summarise',
    kind: 'tasks',
    title: 'Summarise',
    on_failure: 'fail',
    tasks: [
      {
        id: 'summary',
        agent: writer,
        fallback: others(agents, writer),
        instructions: voted
          ? 'Write the answer to the objective from the proposal that was chosen; say what the other proposals add and where they disagree. If none was chosen, say so and weigh the proposals.'
          : 'Write the answer to the objective from the proposal.',
        input: {
          objective: '=inputs.goal',
          proposals: '=propose.outputs',
          ...(voted && { chosen: '=choose.winner', votes: '=choose.shares' }),
        },
      },
    ],
  }
  return {
    apiVersion: API_VERSION,
    name: 'swarm',
    description: `A swarm of ${size}: ${proposals} proposals${voted ? ', a counted plurality' : ''}, a summary.`,
    goal: objective,
    stages: voted ? [propose, vote, summarise] : [propose, summarise],
  }
}

/** Up to three agents that can take over, the next ones in order. */
function others(agents: readonly string[], agent: string): string[] {
  const at = agents.indexOf(agent)
  return [1, 2, 3]
    .flatMap((step) => {
      const next = agents[(at + step) % agents.length]
      return next === undefined || next === agent ? [] : [next]
    })
    .filter((name, i, all) => all.indexOf(name) === i)
}
