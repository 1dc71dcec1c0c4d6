/** A value of a run: text as text, the rest as JSON; large ones are fetched when somebody wants to see them. */
import { useQueries } from '@tanstack/react-query'
import { useState } from 'react'
import { blobQuery } from '../server/queries.ts'
import { asText, completed, filled, referencesIn } from './references.ts'
import { Fault, Loading } from './states.tsx'
import { count } from './time.tsx'

const MOST_CHARACTERS = 100_000

export function ValueView({ value, label }: { value: unknown; label: string }) {
  if (referencesIn(value).length > 0) return <Large value={value} label={label} />
  if (value === null || value === undefined || value === '') return <span className="muted">nothing</span>
  const text = asText(value)
  return (
    <section className="value" tabIndex={0} aria-label={label}>
      <pre>
        {text.slice(0, MOST_CHARACTERS)}
        {text.length > MOST_CHARACTERS && `\n… ${count(text.length - MOST_CHARACTERS)} more characters`}
      </pre>
    </section>
  )
}

/** A value with large parts: they are fetched when somebody wants to see them. */
function Large({ value, label }: { value: unknown; label: string }) {
  const [wanted, setWanted] = useState(false)
  const references = referencesIn(value)
  const blobs = useQueries({ queries: references.map(({ $blob }) => blobQuery($blob, wanted)) })
  if (blobs.every(({ data }) => data !== undefined)) {
    const found = new Map(blobs.map(({ data }, i) => [references[i]?.$blob, data]))
    const whole = completed(value, (hash) => {
      const blob = found.get(hash)
      return blob !== undefined && 'value' in blob ? blob.value : blob?.text
    })
    return <ValueView value={whole} label={label} />
  }
  const error = blobs.find((blob) => blob.error)?.error
  const bytes = references.reduce((sum, reference) => sum + reference.bytes, 0)
  return (
    <div className="stack tight">
      <pre className="value">{asText(filled(value, ({ preview }) => `${preview}…`))}</pre>
      {error && <Fault error={error} />}
      {wanted && blobs.some(({ isFetching }) => isFetching) ? (
        <Loading lines={2} />
      ) : (
        <div>
          <button type="button" className="button" onClick={() => setWanted(true)}>
            Show all of it ({count(bytes)} bytes)
          </button>
        </div>
      )}
    </div>
  )
}
