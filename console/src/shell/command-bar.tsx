/** Ctrl/Cmd-K: go anywhere, find a run, or start a goal with the words just typed. */
import { useQuery } from '@tanstack/react-query'
import { useNavigate } from '@tanstack/react-router'
import { useDeferredValue, useState } from 'react'
import { Dialog } from '../parts/dialog.tsx'
import { Status } from '../parts/status.tsx'
import { call } from '../server/client.ts'
import { places } from './places.tsx'

type Choice = { id: string; text: string; hint: string; state?: string; go: () => unknown }

export function CommandBar({ onClose }: { onClose: () => void }) {
  const navigate = useNavigate()
  const [text, setText] = useState('')
  const [at, setAt] = useState(0)
  const words = useDeferredValue(text.trim())
  const runs = useQuery({
    queryKey: ['runs', 'found', words],
    queryFn: ({ signal }) => call('list_runs', { text: words, limit: 6 }, { signal }),
    enabled: words.length > 1,
  })
  const wanted = text.trim().toLowerCase()
  const start: Choice = {
    id: 'start',
    text: `Start “${text.trim()}”`,
    hint: 'goal',
    go: () => navigate({ to: '/console/start', search: { goal: text.trim() } }),
  }
  const named = places.filter(({ name }) => name.toLowerCase().startsWith(wanted))
  const choices: Choice[] = [
    // Who types the beginning of a place's name wants to go there; other words are a goal.
    ...named.map(({ to, name }): Choice => ({ id: to, text: name, hint: 'go to', go: () => navigate({ to }) })),
    ...(wanted === '' ? [] : [start]),
    ...(runs.data?.items ?? []).map((run) => ({
      id: run.id,
      text: run.goal ?? run.definition_name ?? run.id,
      hint: 'run',
      state: run.status,
      go: () => navigate({ to: '/console/runs/$id', params: { id: run.id } }),
    })),
  ]
  const chosen = Math.min(at, Math.max(0, choices.length - 1))
  const take = (choice: Choice | undefined) => {
    if (choice === undefined) return
    onClose()
    void choice.go()
  }
  return (
    <Dialog title="Command bar" className="command" bare onClose={onClose}>
      <input
        autoFocus
        role="combobox"
        aria-expanded="true"
        aria-controls="choices"
        aria-activedescendant={choices[chosen] && `choice-${chosen}`}
        aria-label="Type a goal, a place or words of a run"
        placeholder="Type a goal, a place, or words of a run"
        value={text}
        onChange={(event) => {
          setText(event.target.value)
          setAt(0)
        }}
        onKeyDown={(event) => {
          const step = { ArrowDown: 1, ArrowUp: -1 }[event.key]
          if (step !== undefined) {
            event.preventDefault()
            setAt((chosen + step + choices.length) % Math.max(1, choices.length))
          }
          if (event.key === 'Enter') take(choices[chosen])
        }}
      />
      <div className="choices" id="choices" role="listbox" aria-label="Choices">
        {choices.map((choice, index) => (
          // biome-ignore lint/a11y/useKeyWithClickEvents: the keys are those of the input that owns this list
          <div
            className="choice"
            key={choice.id}
            id={`choice-${index}`}
            role="option"
            tabIndex={-1}
            aria-selected={index === chosen}
            onMouseMove={() => setAt(index)}
            onClick={() => take(choice)}
          >
            {choice.state !== undefined && <Status state={choice.state} />}
            <span className="cut">{choice.text}</span>
            <span className="hint">{choice.hint}</span>
          </div>
        ))}
      </div>
    </Dialog>
  )
}
