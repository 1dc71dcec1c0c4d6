/** Chooses how far back a view looks; its address keeps it. */
import { type Range, rangeNames, ranges } from './range.ts'

export function RangeChoice({ range, onRange }: { range: Range; onRange: (range: Range) => void }) {
  return (
    <fieldset className="chips" aria-label="Range of time">
      {ranges.map((one) => (
        <button key={one} type="button" className="chip" aria-pressed={one === range} onClick={() => onRange(one)}>
          {rangeNames[one]}
        </button>
      ))}
    </fieldset>
  )
}
