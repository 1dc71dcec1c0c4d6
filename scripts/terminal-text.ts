/**
 * What a terminal shows after a text was written to it: as much of ECMA-48 as Quorate and npm use (colours, carriage
 * return, cursor up, erase). Lines are kept for ever; the reader takes the last ones. Pure.
 */

/** `style` is a set of SGR codes as text: `1;32`. */
export type Span = { text: string; style: string }

type Cell = { char: string; style: string }

// biome-ignore lint/suspicious/noControlCharactersInRegex: control sequences are what this reads
const SEQUENCE = /\x1b\[([0-9;?]*)([A-Za-z])|\x1b[()][A-Z0-9]|\x1b[=>]/y

export class TerminalText {
  readonly #columns: number
  readonly #lines: Cell[][] = [[]]
  #row = 0
  #column = 0
  #style: string[] = []
  #rest = ''

  constructor(columns: number) {
    this.#columns = columns
  }

  write(text: string): void {
    const all = this.#rest + text
    this.#rest = ''
    for (let at = 0; at < all.length; ) {
      const char = String.fromCodePoint(all.codePointAt(at) ?? 32)
      if (char === '\x1b') {
        SEQUENCE.lastIndex = at
        const found = SEQUENCE.exec(all)
        if (found === null) {
          // The end of the sequence comes with the next piece.
          this.#rest = all.slice(at)
          return
        }
        at += found[0].length
        this.#control(found[2] ?? '', found[1] ?? '')
        continue
      }
      at += char.length
      if (char === '\n') this.#down()
      else if (char === '\r') this.#column = 0
      else if (char >= ' ') this.#put(char)
    }
  }

  /** The last `rows` lines. An empty line at the end, where the cursor waits, is left out. */
  shown(rows: number): Span[][] {
    const lines = this.#lines.at(-1)?.length === 0 ? this.#lines.slice(0, -1) : this.#lines
    return lines.slice(-rows).map((line) => spansOf(line))
  }

  #control(letter: string, parameters: string): void {
    const count = Math.max(1, Number(parameters.split(';')[0]) || 1)
    const line = this.#lines[this.#row] ?? []
    if (letter === 'm') this.#colour(parameters)
    else if (letter === 'A') this.#row = Math.max(0, this.#row - count)
    else if (letter === 'G') this.#column = count - 1
    else if (letter === 'K') line.length = Math.min(line.length, parameters === '2' ? 0 : this.#column)
    else if (letter === 'J') {
      line.length = Math.min(line.length, this.#column)
      this.#lines.length = this.#row + 1
    }
  }

  #colour(parameters: string): void {
    for (const code of parameters === '' ? ['0'] : parameters.split(';')) {
      if (code === '0') this.#style = []
      else if (code === '22') this.#style = this.#style.filter((one) => one !== '1' && one !== '2')
      else if (code === '39') this.#style = this.#style.filter((one) => !/^[39]\d$/.test(one))
      else this.#style = [...this.#style.filter((one) => one !== code), code]
    }
  }

  #down(): void {
    this.#row++
    this.#column = 0
    while (this.#lines.length <= this.#row) this.#lines.push([])
  }

  #put(char: string): void {
    if (this.#column >= this.#columns) this.#down()
    const line = this.#lines[this.#row] ?? []
    while (line.length < this.#column) line.push({ char: ' ', style: '' })
    line[this.#column++] = { char, style: this.#style.join(';') }
  }
}

function spansOf(line: Cell[]): Span[] {
  const spans: Span[] = []
  for (const { char, style } of line) {
    const last = spans.at(-1)
    if (last?.style === style) last.text += char
    else spans.push({ text: char, style })
  }
  return spans
}
