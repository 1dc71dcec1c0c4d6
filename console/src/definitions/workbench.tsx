/** Text and graph of a definition side by side; what is wrong is said in its place, and only what is right is stored. */
import { lazy, Suspense, useState } from 'react'
import { Empty, Loading } from '../parts/states.tsx'
import { Status } from '../parts/status.tsx'
import { useCheckedText } from './checked-text.ts'

const Editor = lazy(() => import('./editor.tsx').then(({ Editor }) => ({ default: Editor })))
const RunGraph = lazy(() => import('../run/run-graph.tsx').then(({ RunGraph }) => ({ default: RunGraph })))

export function Workbench({
  text,
  onText,
  children,
}: {
  text: string
  onText: (text: string) => void
  /** The buttons, told whether the text may be stored or run. */
  children: (valid: boolean) => React.ReactNode
}) {
  const { findings, valid, error } = useCheckedText(text)
  const [at, setAt] = useState<{ line: number; column: number } | null>(null)
  const all = findings
    ? [
        ...findings.problems.map((finding) => ({ ...finding, severity: 'error' })),
        ...findings.warnings.map((finding) => ({ ...finding, severity: 'warning' })),
      ]
    : []
  const state = error ? 'failed' : findings === undefined ? 'planning' : findings.valid ? 'completed' : 'failed'
  const words = error
    ? 'cannot be checked now'
    : findings === undefined
      ? 'not checked yet'
      : findings.valid
        ? 'valid'
        : `${findings.problems.length} ${findings.problems.length === 1 ? 'problem' : 'problems'}`
  return (
    <>
      <div className="filters">
        <span role="status">
          <Status state={state} label={words} />
        </span>
        {children(findings?.valid === true)}
      </div>
      <div className="editor-area">
        <div>
          <Suspense fallback={<Loading />}>
            <Editor first={text} label="Definition as YAML" findings={findings} at={at} onText={onText} />
          </Suspense>
          {all.length > 0 && (
            <ul className="findings" aria-label="Findings">
              {all.map((finding) => (
                <li key={`${finding.line} ${finding.column} ${finding.message}`}>
                  <button type="button" onClick={() => setAt({ line: finding.line ?? 1, column: finding.column ?? 1 })}>
                    <span className={finding.severity === 'error' ? 'bad' : 'muted'}>line {finding.line ?? 1}</span>
                    <span>
                      {finding.message} {finding.remedy && <span className="muted">{finding.remedy}</span>}
                    </span>
                  </button>
                </li>
              ))}
            </ul>
          )}
        </div>
        <div>
          {valid === null ? (
            <Empty title="The graph appears when the text is valid" />
          ) : (
            <Suspense fallback={<Loading />}>
              <RunGraph definition={valid} />
            </Suspense>
          )}
        </div>
      </div>
    </>
  )
}
