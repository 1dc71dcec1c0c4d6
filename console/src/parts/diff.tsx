/** Two values side by side with their differences marked; on a phone one above the other. */
import { useQuery } from '@tanstack/react-query'
import { useMemo, useState } from 'react'
import type { BlobRef } from '../../../src/workflow/value.ts'
import { blobQuery } from '../server/queries.ts'
import { asText, isReference } from './references.ts'
import { Fault, Loading } from './states.tsx'
import { diffRows, foldRows, type Line } from './text-diff.ts'
import { count } from './time.tsx'

/** Values up to this size are fetched without asking. */
const SMALL_BYTES = 200_000
const MOST_CHARACTERS = 1_000_000
const MOST_ROWS = 2_000

export function TextDiff({ left, right, label }: { left: string; right: string; label: string }) {
  const rows = useMemo(() => diffRows(left.slice(0, MOST_CHARACTERS), right.slice(0, MOST_CHARACTERS)), [left, right])
  const [opened, setOpened] = useState<ReadonlySet<number>>(new Set())
  const shown = useMemo(() => foldRows(rows, opened), [rows, opened])
  return (
    <section className="diff" aria-label={label} tabIndex={0}>
      <table>
        <colgroup>
          <col className="diff-n" />
          <col />
          <col className="diff-n" />
          <col />
        </colgroup>
        <thead className="sr">
          <tr>
            <th scope="col">Line before</th>
            <th scope="col">Before</th>
            <th scope="col">Line after</th>
            <th scope="col">After</th>
          </tr>
        </thead>
        <tbody>
          {shown.slice(0, MOST_ROWS).map((one) =>
            one.kind === 'fold' ? (
              <tr key={`fold${one.from}`} className="diff-fold">
                <td colSpan={4}>
                  <button type="button" onClick={() => setOpened(new Set([...opened, one.from]))}>
                    {count(one.rows)} lines are the same
                  </button>
                </td>
              </tr>
            ) : (
              <tr key={one.at} className={one.row.same ? 'same' : ''}>
                <Side line={one.row.left} tone={one.row.same ? '' : 'removed'} />
                <Side line={one.row.right} tone={one.row.same ? '' : 'added'} />
              </tr>
            ),
          )}
        </tbody>
      </table>
      {shown.length > MOST_ROWS && <p className="muted small">… {count(shown.length - MOST_ROWS)} more rows</p>}
    </section>
  )
}

function Side({ line, tone }: { line: Line | null; tone: '' | 'removed' | 'added' }) {
  const mark = line === null ? 'nothing' : tone
  return (
    <>
      <td className={`diff-n ${mark}`}>{line?.n}</td>
      <td className={`diff-text ${mark}`}>
        {line !== null && tone !== '' && <span className="sr">{tone}: </span>}
        {line?.pieces.map((piece, at) => (piece.changed ? <mark key={at}>{piece.text}</mark> : piece.text))}
      </td>
    </>
  )
}

/** Values of two runs: those stored apart are fetched, large ones when somebody asks for them. */
export function ValueDiff({ left, right, label }: { left: unknown; right: unknown; label: string }) {
  const [wanted, setWanted] = useState(false)
  const large = [left, right].filter((value) => isReference(value) && value.bytes > SMALL_BYTES) as BlobRef[]
  const same = JSON.stringify(left ?? null) === JSON.stringify(right ?? null)
  const a = useWhole(left, !same && (wanted || large.length === 0))
  const b = useWhole(right, !same && (wanted || large.length === 0))
  if (same) return <p className="muted small">the same on both sides</p>
  if (!wanted && large.length > 0)
    return (
      <div>
        <button type="button" className="button" onClick={() => setWanted(true)}>
          Show the differences ({large.map(({ bytes }) => `${count(bytes)} bytes`).join(' and ')})
        </button>
      </div>
    )
  const error = a.error ?? b.error
  if (error) return <Fault error={error} />
  if (a.text === undefined || b.text === undefined) return <Loading lines={2} />
  return <TextDiff left={a.text} right={b.text} label={label} />
}

function useWhole(value: unknown, wanted: boolean): { text: string | undefined; error: unknown } {
  const reference = isReference(value) ? value : null
  const blob = useQuery(blobQuery(reference?.$blob ?? '', wanted && reference !== null))
  if (reference === null) return { text: value === null || value === undefined ? '' : asText(value), error: null }
  const whole = blob.data === undefined ? undefined : 'value' in blob.data ? blob.data.value : blob.data.text
  return { text: whole === undefined ? undefined : asText(whole), error: blob.error }
}
