/** What a view shows instead of its content: not yet, nothing, could not. */
import type { ReactNode } from 'react'
import type { Failure } from '../../../src/failure.ts'
import { RequestFailed } from '../server/client.ts'

export function Loading({ lines = 6 }: { lines?: number }) {
  return (
    <div className="skeleton" role="status" aria-label="Loading">
      {Array.from({ length: lines }, (_, line) => `line-${line}`).map((line) => (
        <i key={line} />
      ))}
    </div>
  )
}

export function Empty({ title, children }: { title: string; children?: ReactNode }) {
  return (
    <div className="empty">
      <strong>{title}</strong>
      {children}
    </div>
  )
}

/** Says what is wrong and what to do; `again` offers another try. */
export function Fault({ error, again }: { error: unknown; again?: () => unknown }) {
  const failure: Pick<Failure, 'message' | 'remedy' | 'field' | 'problems'> =
    error instanceof RequestFailed ? error.failure : { message: error instanceof Error ? error.message : String(error) }
  return (
    <div className="fault" role="alert">
      <FailureText failure={failure} />
      {again && (
        <div>
          <button type="button" className="button" onClick={() => void again()}>
            Try again
          </button>
        </div>
      )}
    </div>
  )
}

export function FailureText({
  failure,
}: {
  failure: Pick<Failure, 'message' | 'remedy' | 'field' | 'problems'> & { kind?: string }
}) {
  return (
    <>
      <span>
        {failure.field !== undefined && <code>{failure.field}</code>} {failure.message}
      </span>
      {failure.remedy !== undefined && <span className="remedy">{failure.remedy}</span>}
      {failure.problems?.slice(1).map((problem) => (
        <span key={`${problem.field}${problem.message}`}>
          <code>{problem.field}</code> {problem.message}
        </span>
      ))}
    </>
  )
}

/** One of the three until there is data, then the data. */
export function Loaded<T>({
  query,
  lines,
  children,
}: {
  query: { data: T | undefined; error: unknown; refetch: () => unknown }
  lines?: number
  children: (data: T) => ReactNode
}) {
  if (query.data !== undefined) return children(query.data)
  if (query.error) return <Fault error={query.error} again={query.refetch} />
  return <Loading {...(lines !== undefined && { lines })} />
}
