/**
 * CodeMirror for YAML and JSON: what may stand where is offered and explained, what the server found is marked in its place. It lives in a shadow root, where it takes its
 * styles as constructed sheets: so the page's Content-Security-Policy allows no style element at all.
 */
import { defaultKeymap, history, historyKeymap } from '@codemirror/commands'
import { yaml } from '@codemirror/lang-yaml'
import { bracketMatching, HighlightStyle, indentOnInput, syntaxHighlighting } from '@codemirror/language'
import { type Diagnostic, lintGutter, setDiagnostics } from '@codemirror/lint'
import { EditorState } from '@codemirror/state'
import { drawSelection, EditorView, highlightActiveLine, keymap, lineNumbers } from '@codemirror/view'
import { tags } from '@lezer/highlight'
import { useQuery } from '@tanstack/react-query'
import { useEffect, useRef } from 'react'
import { agentsQuery, definitionSchemaQuery } from '../server/queries.ts'
import { assist } from './assist.ts'
import type { Findings } from './checked-text.ts'
import type { Known } from './completion.ts'
import type { Schema } from './schema-place.ts'

const look = EditorView.theme({
  '&': { height: '100%', color: 'var(--text)', background: 'var(--surface)', fontSize: '12.5px' },
  '&.cm-focused': { outline: '2px solid var(--accent)', outlineOffset: '-2px' },
  '.cm-scroller': { fontFamily: 'var(--mono)', lineHeight: '1.55' },
  '.cm-gutters': { background: 'var(--surface)', color: 'var(--muted)', border: '0' },
  '.cm-activeLine, .cm-activeLineGutter': { background: 'var(--hover)' },
  '.cm-cursor': { borderLeftColor: 'var(--text)' },
  '&.cm-focused > .cm-scroller > .cm-selectionLayer .cm-selectionBackground, .cm-selectionBackground': {
    background: 'var(--selected)',
  },
  '.cm-tooltip': {
    background: 'var(--raised)',
    color: 'var(--text)',
    border: '1px solid var(--line)',
    borderRadius: '6px',
    maxWidth: '480px',
  },
  '.cm-tooltip.cm-tooltip-autocomplete > ul': { fontFamily: 'var(--mono)', maxHeight: '18em' },
  '.cm-tooltip.cm-tooltip-autocomplete > ul > li': { padding: '3px 8px', color: 'var(--text)' },
  '.cm-tooltip.cm-tooltip-autocomplete > ul > li[aria-selected]': {
    background: 'var(--selected)',
    color: 'var(--text)',
  },
  '.cm-completionDetail': { color: 'var(--muted)', fontStyle: 'normal' },
  '.cm-tooltip.cm-completionInfo, .words': { padding: '6px 10px', whiteSpace: 'pre-line', maxWidth: '320px' },
  '.cm-snippetField': { background: 'var(--hover)' },
  '.cm-lintRange-error': { backgroundImage: 'none', borderBottom: '2px solid var(--bad)' },
  '.cm-lintRange-warning': { backgroundImage: 'none', borderBottom: '2px solid var(--warn)' },
  '.cm-lint-marker': { content: 'none', width: '8px', height: '8px', marginTop: '5px', borderRadius: '50%' },
  '.cm-lint-marker-error': { background: 'var(--bad)' },
  '.cm-lint-marker-warning': { background: 'var(--warn)' },
})
const colours = HighlightStyle.define([
  { tag: [tags.propertyName, tags.definition(tags.propertyName)], color: 'var(--accent)' },
  { tag: [tags.string, tags.special(tags.string)], color: 'var(--good)' },
  { tag: [tags.number, tags.bool, tags.null, tags.keyword], color: 'var(--warn)' },
  { tag: tags.comment, color: 'var(--muted)', fontStyle: 'italic' },
])

export function Editor({
  first,
  label,
  findings,
  at,
  onText,
}: {
  /** What it begins with; from then on the editor is what knows the text. */
  first: string
  label: string
  findings: Findings | undefined
  /** Where the cursor shall go: a new value moves it. */
  at: { line: number; column: number } | null
  onText: (text: string) => void
}) {
  const host = useRef<HTMLDivElement>(null)
  const view = useRef<EditorView>(null)
  const told = useRef(onText)
  told.current = onText
  const schema = useQuery(definitionSchemaQuery).data
  const agents = useQuery(agentsQuery).data?.items
  const known = useRef<Known | null>(null)
  known.current = schema === undefined ? null : { schema: schema as Schema, agents: agents ?? [] }
  useEffect(() => {
    if (host.current === null) return
    const root = host.current.shadowRoot ?? host.current.attachShadow({ mode: 'open' })
    const made = new EditorView({
      root,
      parent: root,
      state: EditorState.create({
        doc: first,
        extensions: [
          lineNumbers(),
          history(),
          drawSelection(),
          indentOnInput(),
          bracketMatching(),
          highlightActiveLine(),
          assist(() => known.current),
          keymap.of([...defaultKeymap, ...historyKeymap]),
          yaml(),
          syntaxHighlighting(colours),
          lintGutter(),
          look,
          EditorView.lineWrapping,
          EditorView.contentAttributes.of({ 'aria-label': label, tabindex: '0' }),
          EditorView.updateListener.of((update) => {
            if (update.docChanged) told.current(update.state.doc.toString())
          }),
        ],
      }),
    })
    view.current = made
    return () => made.destroy()
  }, [])
  useEffect(() => {
    const made = view.current
    if (made === null) return
    const { doc } = made.state
    const marks = (list: Findings['problems'], severity: Diagnostic['severity']) =>
      list.map((finding): Diagnostic => {
        const line = doc.line(Math.max(1, Math.min(doc.lines, finding.line ?? 1)))
        const from = Math.min(line.to, line.from + Math.max(0, (finding.column ?? 1) - 1))
        return {
          from,
          to: line.to,
          severity,
          message: [finding.message, finding.remedy].filter(Boolean).join('\n'),
        }
      })
    const all = findings ? [...marks(findings.problems, 'error'), ...marks(findings.warnings, 'warning')] : []
    made.dispatch(
      setDiagnostics(
        made.state,
        all.sort((a, b) => a.from - b.from),
      ),
    )
  }, [findings])
  useEffect(() => {
    const made = view.current
    if (made === null || at === null) return
    const line = made.state.doc.line(Math.max(1, Math.min(made.state.doc.lines, at.line)))
    made.dispatch({
      selection: { anchor: Math.min(line.to, line.from + Math.max(0, at.column - 1)) },
      scrollIntoView: true,
    })
    made.focus()
  }, [at])
  return <div ref={host} className="editor-host" />
}
