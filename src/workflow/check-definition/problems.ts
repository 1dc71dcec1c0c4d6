/** What a check has found, and where. */
import { excerpt, type Failure } from '../../failure.ts'

/** Keys and indexes from the definition down to a value. */
export type Path = readonly (string | number)[]

/** `stages[2].tasks[0].agent` */
export const fieldText = (path: Path): string =>
  path.map((member, at) => (typeof member === 'number' ? `[${member}]` : at === 0 ? member : `.${member}`)).join('')

export type Found = {
  path: Path
  /** Whether the mistake is in the name of the field or in its value. */
  at: 'key' | 'value'
  /** Characters into the value, where it is an expression. */
  offset: number
  failure: Failure
}

/** A remedy that is dear to find is a function: it is asked for only when the finding is listed. */
type More = {
  remedy: string | (() => string)
  value?: unknown
  at?: 'key' | 'value'
  offset?: number
  kind?: 'invalid_input' | 'too_large' | 'not_found'
}

/** Findings beyond this number are counted, not listed. */
const MOST = 100

export class Findings {
  readonly problems: Found[] = []
  readonly warnings: Found[] = []
  #more = { problems: 0, warnings: 0 }

  problem(path: Path, message: string, more: More): void {
    this.#add('problems', path, message, more)
  }

  warn(path: Path, message: string, more: More): void {
    this.#add('warnings', path, message, more)
  }

  /** Adds what was left out as one last entry. */
  close(): void {
    for (const list of ['problems', 'warnings'] as const)
      if (this.#more[list] > 0)
        this[list].push({
          path: [],
          at: 'value',
          offset: 0,
          failure: {
            kind: 'invalid_input',
            message: `and ${this.#more[list]} more ${list}`,
            remedy: 'Correct those above first.',
          },
        })
    this.#more = { problems: 0, warnings: 0 }
  }

  #add(
    list: 'problems' | 'warnings',
    path: Path,
    message: string,
    { remedy, value, at = 'value', offset = 0, kind = 'invalid_input' }: More,
  ): void {
    if (this[list].length >= MOST) {
      this.#more[list]++
      return
    }
    const failure: Failure = { kind, message, remedy: typeof remedy === 'string' ? remedy : remedy() }
    if (path.length > 0) failure.field = fieldText(path)
    if (value !== undefined) failure.value = excerpt(value)
    this[list].push({ path, at, offset, failure })
  }
}
