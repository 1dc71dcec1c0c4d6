/** What the console's tests run: agents that are small commands, so that every run is the same, and definitions for them. */

export const agents = `models:
  ollama_url: http://127.0.0.1:1
  local:
    enabled: false
agents:
  - name: counter
    type: execution
    system: command
    capabilities: [counting]
    effect: none
    settings: { command: [wc, -c], input: stdin }
  - name: capitals
    type: execution
    system: command
    capabilities: [writing]
    effect: none
    settings: { command: [tr, a-z, A-Z], input: stdin }
  # What it says is also a ballot for what planned votes ask.
  - name: content
    type: execution
    system: command
    capabilities: [research, analysis, review, decision_support]
    effect: none
    settings: { command: [echo, '{"choice":"enough","reason":"it is"}'], output: json }
  - name: slow_reader_with_a_name_that_is_longer_than_most_columns
    type: execution
    system: command
    capabilities: [reading]
    effect: none
    settings: { command: [sh, -c, "sleep 3; cat"], input: stdin }
  - name: dozer
    type: execution
    system: command
    capabilities: [dozing]
    effect: none
    settings: { command: [sh, -c, "sleep 8; cat"], input: stdin }
  - name: sleeper
    type: execution
    system: command
    capabilities: [sleeping]
    effect: none
    settings: { command: [sh, -c, "sleep 20; cat"], input: stdin }
  - name: breaker
    type: execution
    system: command
    capabilities: [failing]
    effect: none
    settings: { command: [sh, -c, "echo no >&2; exit 3"], input: stdin }
`

const task = (id: string, agent: string) => ({
  id,
  agent,
  instructions: 'Count what is given.',
  input: { text: '=inputs.text' },
})

/** Everything that a graph can show: parallel tasks, a decision, an approval, a loop, a way that is not taken. */
export const review = {
  apiVersion: 'quorate/v1',
  name: 'review_and_release',
  inputs: { text: { type: 'text' } },
  stages: [
    {
      id: 'read',
      kind: 'tasks',
      tasks: [
        task('first', 'counter'),
        task('second', 'counter'),
        task('third', 'slow_reader_with_a_name_that_is_longer_than_most_columns'),
      ],
    },
    {
      id: 'choose',
      kind: 'decide',
      cases: [{ when: 'read.succeeded >= 3', then: 'ask' }],
      otherwise: 'give_up',
    },
    {
      id: 'ask',
      kind: 'approval',
      question: 'Publish what the three readers found?',
      timeout: '1h',
      default: 'refuse',
    },
    { id: 'give_up', kind: 'tasks', tasks: [task('note', 'counter')] },
    {
      id: 'polish',
      kind: 'loop',
      max: 3,
      until: 'iteration >= 2',
      stages: [{ id: 'pass', kind: 'tasks', tasks: [task('smooth', 'counter')] }],
    },
    { id: 'publish', kind: 'tasks', tasks: [task('send', 'counter')] },
  ],
}

/** Ends in well under a second. */
export const quick = {
  apiVersion: 'quorate/v1',
  name: 'quick_count',
  inputs: { text: { type: 'text' } },
  stages: [
    { id: 'count', kind: 'tasks', tasks: [task('one', 'counter')] },
    { id: 'again', kind: 'tasks', tasks: [task('two', 'counter')] },
  ],
}

export const sleeping = {
  apiVersion: 'quorate/v1',
  name: 'sleeping',
  stages: [{ id: 'sleep', kind: 'tasks', tasks: [{ id: 'nap', agent: 'sleeper', instructions: 'Sleep.' }] }],
}

/** Long enough to be met at work, short enough to be done again. */
export const dozing = {
  apiVersion: 'quorate/v1',
  name: 'dozing',
  stages: [
    { id: 'doze', kind: 'tasks', tasks: [{ id: 'nap', agent: 'dozer', instructions: 'Doze.' }] },
    { id: 'ask', kind: 'approval', question: 'Awake?', timeout: '1h', default: 'refuse' },
  ],
}

export const failing = {
  apiVersion: 'quorate/v1',
  name: 'failing',
  stages: [
    { id: 'break', kind: 'tasks', tasks: [{ id: 'one', agent: 'breaker', instructions: 'Fail.', attempts: 1 }] },
  ],
}

/** 200 stages side by side and one after the other, some with names that do not fit. */
export const wide = {
  apiVersion: 'quorate/v1',
  name: 'two_hundred_stages',
  stages: Array.from({ length: 200 }, (_, n) => ({
    id: nameOf(n),
    kind: 'tasks',
    needs: n < 5 ? [] : [nameOf(n - 5)],
    tasks: [{ id: 'count', agent: 'counter', instructions: 'Count.' }],
  })),
}

function nameOf(n: number): string {
  return n % 7 === 0 ? `stage_${n}_with_a_name_that_goes_on_and_on` : `stage_${n}`
}
