/** What draws the recording of the README, and the recording itself. */
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { terminalSvg } from '../../scripts/terminal-svg.ts'
import { TerminalText } from '../../scripts/terminal-text.ts'
import { redraw } from '../../src/cli/run-screen.ts'
import { ROOT } from './doc-blocks.ts'

const textOf = (terminal: TerminalText, rows = 10): string[] =>
  terminal.shown(rows).map((spans) => spans.map(({ text }) => text).join(''))

describe('a terminal', () => {
  test('is redrawn in place, as the command line does it', () => {
    const terminal = new TerminalText(80)
    terminal.write('$ run\n')
    terminal.write(redraw(0, ['one', 'two', 'three']))
    terminal.write(redraw(3, ['ONE', 'TWO']))
    assert.deepEqual(textOf(terminal), ['$ run', 'ONE', 'TWO'])
    assert.deepEqual(textOf(terminal, 1), ['TWO'])
  })

  test('keeps a bar on one line, and takes sequences that come in pieces', () => {
    const terminal = new TerminalText(80)
    for (const piece of ['10 %', '\r\x1b[', 'K20 %\x1b[3', '2mgreen\x1b[0', 'm.\n']) terminal.write(piece)
    assert.deepEqual(terminal.shown(9), [
      [
        { text: '20 %', style: '' },
        { text: 'green', style: '32' },
        { text: '.', style: '' },
      ],
    ])
  })
})

test('a line that is too long goes on in the next', () => {
  const terminal = new TerminalText(4)
  terminal.write('abcdef\n')
  assert.deepEqual(textOf(terminal), ['abcd', 'ef'])
})

test('a film shows each moment once, escapes what it shows, and ends with the last', () => {
  const moment = (at: number, text: string) => ({ at, panes: [[[{ text, style: '' }]]] })
  const svg = terminalSvg({
    title: 'a & b',
    description: '<end>',
    columns: 20,
    panes: [{ title: 'one', rows: 1 }],
    moments: [moment(0, 'first'), moment(1_000, 'first'), moment(2_000, 'x < y'), moment(2_001, 'last')],
    speed: 1,
    pause: 1_000,
  })
  assert.match(svg, /<title id="t">a &amp; b<\/title>/)
  assert.equal(svg.match(/<use /g)?.length, 2)
  assert.match(svg, />last<\/text>/)
  assert.doesNotMatch(svg, /x &lt; y/, 'too short to be seen: the last one takes its place')
})

test('the recording is one file that asks nobody for anything', () => {
  const svg = readFileSync(join(ROOT, 'docs/media/run.svg'), 'utf8')
  assert.doesNotMatch(svg, /<script|@import|url\(|href="(?!#)|<image|<foreignObject/)
  assert.match(svg, /<title id="t">A real run/)
  assert.match(svg, /npx quorate run/)
  assert.ok(svg.length < 600_000, `${svg.length} bytes`)
})
