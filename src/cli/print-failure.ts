/** How a failure reads on the terminal: cause, place, value, what to do. Never a stack. Pure. */
import type { Failure } from '../failure.ts'
import { clean, oneLine, type Paint } from './format.ts'

const MOST_SHOWN = 20

export function failureLines(failure: Failure, paint: Paint): string[] {
  const problems = failure.problems ?? []
  if (problems.length < 2)
    return [`${paint('red', 'error')} ${clean(failure.message)}`, ...detail(failure, paint, '  ')]
  const rest = problems.length - MOST_SHOWN
  return [
    `${paint('red', 'error')} ${problems.length} problems`,
    ...problems.slice(0, MOST_SHOWN).flatMap((each) => [`  • ${clean(each.message)}`, ...detail(each, paint, '    ')]),
    ...(rest > 0 ? [`  … and ${rest} more`] : []),
  ]
}

function detail({ message, field, value, remedy, line, column }: Failure, paint: Paint, indent: string): string[] {
  const saysLine = line === undefined || message.includes(`line ${line}`)
  const saysField = field === undefined || field === '' || message.includes(field)
  const saysValue = value === undefined || message.includes(value)
  const named = saysField && saysValue ? '' : [field, value].filter((part) => part).join(': ')
  const place = saysLine ? '' : `line ${line}${column === undefined ? '' : `, column ${column}`}`
  const where = [oneLine(named), place].filter((part) => part !== '').join(', ')
  return [
    ...(where === '' ? [] : [`${indent}${where}`]),
    ...(remedy === undefined ? [] : [`${indent}${paint('cyan', '→')} ${clean(remedy)}`]),
  ]
}
