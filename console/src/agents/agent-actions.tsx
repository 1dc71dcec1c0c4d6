/** What a person does with an agent: probe, drain, remove. What came of it is said below the buttons. */
import { type ReactNode, useState } from 'react'
import { ActionButton, useAction } from '../parts/action.tsx'
import { Confirm } from '../parts/confirm.tsx'
import { Fault } from '../parts/states.tsx'
import type { Agent } from '../server/queries.ts'

export function AgentActions({ agent, onGone, children }: { agent: Agent; onGone: () => void; children?: ReactNode }) {
  const probe = useAction('probe_agent')
  const drain = useAction('drain_agent')
  const remove = useAction('remove_agent', onGone)
  const [asking, setAsking] = useState(false)
  return (
    <>
      <div className="row wrap">
        {children}
        <ActionButton action={probe} onPress={() => probe.mutate({ agent: agent.name })}>
          {probe.isPending ? 'Probing …' : 'Probe'}
        </ActionButton>
        {!agent.draining && !agent.retired && (
          <ActionButton action={drain} onPress={() => drain.mutate({ agent: agent.name })}>
            Drain
          </ActionButton>
        )}
        <ActionButton action={remove} tone="danger" onPress={() => setAsking(true)}>
          Remove
        </ActionButton>
      </div>
      {probe.data && (
        <p role="status" className={probe.data.ok ? 'muted' : 'bad'}>
          {probe.data.ok ? 'It can work' : 'It cannot work'}: {probe.data.detail}
        </p>
      )}
      {[probe, drain, remove].map((action, at) => (action.error ? <Fault key={at} error={action.error} /> : null))}
      {asking && (
        <Confirm
          title={`Remove ${agent.name}?`}
          action={remove}
          does="Remove"
          onConfirm={() => remove.mutate({ agent: agent.name })}
          onClose={() => setAsking(false)}
        >
          Work in hand is finished first, then it is gone. Its part in past runs stays in their events.
        </Confirm>
      )}
    </>
  )
}
