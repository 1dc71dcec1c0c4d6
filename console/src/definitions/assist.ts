/**
 * Completion and documentation in the editor. By keyboard: Ctrl-Space (or typing) opens the choices, arrows and Enter take
 * one, Escape closes; Tab goes through what a whole stage leaves to fill in, and leaves the editor otherwise. What a key
 * means stands beside the choices, and over the key for who points at it.
 */
import {
  autocompletion,
  type Completion,
  type CompletionContext,
  type CompletionResult,
  closeBrackets,
  closeBracketsKeymap,
  completionKeymap,
  snippet,
  startCompletion,
} from '@codemirror/autocomplete'
import type { Extension } from '@codemirror/state'
import { type EditorView, hoverTooltip, keymap } from '@codemirror/view'
import { type Choice, choicesAt, type Known, wordsAt } from './completion.ts'

/** The schema's words for the icons that CodeMirror draws. */
const icons: Record<Choice['kind'], string> = { key: 'property', value: 'enum', stage: 'class', name: 'variable' }

/** `known` answers null until the schema has come. */
export function assist(known: () => Known | null): Extension {
  return [
    autocompletion({ override: [(context) => choicesFor(context, known())], icons: false, maxRenderedOptions: 60 }),
    closeBrackets(),
    keymap.of([...closeBracketsKeymap, ...completionKeymap]),
    hoverTooltip((view, at) => {
      const now = known()
      const found = now && wordsAt(view.state.doc.toString(), at, now.schema)
      if (!found) return null
      return {
        pos: found.from,
        end: found.to,
        create: () => {
          const dom = document.createElement('div')
          dom.className = 'words'
          dom.textContent = found.words
          return { dom }
        },
      }
    }),
  ]
}

function choicesFor(context: CompletionContext, known: Known | null): CompletionResult | null {
  if (known === null) return null
  // Without being asked, only behind what somebody began to write.
  if (!context.explicit && context.matchBefore(/[\w.]$/) === null) return null
  const found = choicesAt(context.state.doc.toString(), context.pos, known)
  if (found === null) return null
  return { from: found.from, to: found.to, options: found.choices.map(option), validFor: /^=?\w*$/ }
}

function option({ label, template, detail, info, kind, goesOn, first }: Choice): Completion {
  return {
    label,
    type: icons[kind],
    ...(detail !== undefined && { detail }),
    ...(info !== undefined && info !== '' && { info }),
    ...(first && { boost: 1 }),
    ...(kind === 'stage' && { boost: -1 }),
    ...(template !== undefined && { apply: applied(template, goesOn === true) }),
  }
}

const applied =
  (template: string, goesOn: boolean) => (view: EditorView, completion: Completion, from: number, to: number) => {
    snippet(template)(view, completion, from, to)
    if (goesOn) startCompletion(view)
  }
