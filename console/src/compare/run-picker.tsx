/** Chooses a run: those that are related to the other one first, then all, by words. */
import { useQuery } from '@tanstack/react-query'
import { useDeferredValue, useState } from 'react'
import { Dialog } from '../parts/dialog.tsx'
import { runTitle } from '../parts/run-rows.tsx'
import { Empty, Loaded } from '../parts/states.tsx'
import { Status } from '../parts/status.tsx'
import { When } from '../parts/time.tsx'
import { call } from '../server/client.ts'
import type { Run } from '../server/queries.ts'

const SHOWN = 30

export function RunPicker({
  title,
  other,
  onPick,
  onClose,
}: {
  title: string
  other: Run | undefined
  onPick: (run: string) => void
  onClose: () => void
}) {
  const [text, setText] = useState('')
  const words = useDeferredValue(text.trim())
  const hash = other?.definition?.hash
  // Runs of the same definition are what one mostly wants; other words find any run.
  const wanted = { ...(words === '' ? hash !== undefined && { definition: hash } : { text: words }), limit: SHOWN }
  const found = useQuery({
    queryKey: ['runs', 'to compare', wanted],
    queryFn: ({ signal }) => call('list_runs', wanted, { signal }),
    placeholderData: (before) => before,
  })
  const source = other?.forked_from?.run
  return (
    <Dialog title={title} onClose={onClose}>
      <input
        type="search"
        className="input"
        autoFocus
        aria-label="Words of the goal or the definition’s name"
        placeholder="Search goals and definitions"
        value={text}
        maxLength={200}
        onChange={(event) => setText(event.target.value)}
      />
      {source !== undefined && words === '' && (
        <button type="button" className="button wide-button" onClick={() => onPick(source)}>
          The run that it was forked from
        </button>
      )}
      <h3>{words === '' && hash !== undefined ? 'Runs of the same definition' : 'Runs'}</h3>
      <Loaded query={found} lines={4}>
        {({ items }) => {
          const others = items.filter(({ id }) => id !== other?.id)
          if (others.length === 0)
            return (
              <Empty title={words === '' ? 'There is no other run of this definition' : 'No run has these words'}>
                <p>Type words of a goal, or the name of a definition.</p>
              </Empty>
            )
          return (
            <ul className="rows picker">
              {others.map((run) => (
                <li key={run.id}>
                  <button type="button" className="run-row" onClick={() => onPick(run.id)}>
                    <Status state={run.status} />
                    <span className="grow cut">{runTitle(run)}</span>
                    <span className="muted small">
                      <When at={run.created_at} />
                    </span>
                  </button>
                </li>
              ))}
            </ul>
          )
        }}
      </Loaded>
    </Dialog>
  )
}
