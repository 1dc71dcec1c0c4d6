/** A value of a run: text as text, the rest as JSON; large ones are fetched when somebody wants to see them. */
import { useQuery } from '@tanstack/react-query'
import { useState } from 'react'
import type { BlobRef } from '../../../src/workflow/value.ts'
import { blobQuery } from '../server/queries.ts'
import { Fault, Loading } from './states.tsx'
import { count } from './time.tsx'

const MOST_CHARACTERS = 100_000

export const isReference = (value: unknown): value is BlobRef =>
  typeof value === 'object' && value !== null && typeof (value as { $blob?: unknown }).$blob === 'string'

export const asText = (value: unknown): string =>
  typeof value === 'string' ? value : (JSON.stringify(value, null, 2) ?? 'nothing')

export function ValueView({ value, label }: { value: unknown; label: string }) {
  if (isReference(value)) return <Large reference={value} label={label} />
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

function Large({ reference, label }: { reference: BlobRef; label: string }) {
  const [wanted, setWanted] = useState(false)
  const blob = useQuery(blobQuery(reference.$blob, wanted))
  if (blob.data) return <ValueView value={'value' in blob.data ? blob.data.value : blob.data.text} label={label} />
  return (
    <div className="stack tight">
      <pre className="value">{reference.preview}…</pre>
      {blob.error && <Fault error={blob.error} />}
      {wanted && blob.isFetching ? (
        <Loading lines={2} />
      ) : (
        <div>
          <button type="button" className="button" onClick={() => setWanted(true)}>
            Show all of it ({count(reference.bytes)} bytes)
          </button>
        </div>
      )}
    </div>
  )
}
