/** A state as word, shape and colour, so that none of the three is needed alone. */
type Tone = 'good' | 'bad' | 'warn' | 'busy' | 'calm'

const tones: Record<string, Tone> = {
  queued: 'calm',
  planning: 'busy',
  running: 'busy',
  waiting: 'warn',
  asking: 'warn',
  paused: 'warn',
  completed: 'good',
  partial: 'warn',
  failed: 'bad',
  cancelled: 'calm',
  skipped: 'calm',
  idle: 'good',
  ready: 'good',
  interrupted: 'warn',
  unknown: 'calm',
  busy: 'busy',
  degraded: 'warn',
  draining: 'warn',
  offline: 'bad',
  retired: 'calm',
  ok: 'good',
  healthy: 'good',
  broken: 'bad',
  error: 'bad',
  warning: 'warn',
  info: 'calm',
  closed: 'good',
  open: 'bad',
  half_open: 'warn',
}

export const toneOf = (state: string): Tone => tones[state] ?? 'calm'

const shapes: Record<Tone, string> = {
  good: 'M2 5.5 4.2 8 8.5 2.8',
  bad: 'M2.5 2.5 8 8M8 2.5 2.5 8',
  warn: 'M5.2 1.8v4M5.2 8.4v.2',
  busy: 'M5.2 1.6a3.7 3.7 0 1 1-3.6 3.6',
  calm: 'M2 5.2h6.5',
}

export function StatusIcon({ state }: { state: string }) {
  return (
    <svg width="10" height="10" viewBox="0 0 10.4 10.4" aria-hidden="true">
      <path d={shapes[toneOf(state)]} fill="none" stroke="currentColor" strokeWidth="1.7" strokeLinecap="round" />
    </svg>
  )
}

export function Status({ state, label = state.replaceAll('_', ' ') }: { state: string; label?: string }) {
  return (
    <span className={`status ${toneOf(state)}`}>
      <StatusIcon state={state} />
      {label}
    </span>
  )
}
