import type { Definition } from './definition.ts'
import type { Value } from './value.ts'

/** What an input is declared as. */
export type InputType = NonNullable<Definition['inputs']>[string]['type']

/** Whether an input of this type takes the value. A reference to a large value counts as the object that it is. */
export function isOfInputType(value: Value, type: InputType): boolean {
  switch (type) {
    case 'text':
      return typeof value === 'string'
    case 'number':
      return typeof value === 'number'
    case 'boolean':
      return typeof value === 'boolean'
    case 'list':
      return Array.isArray(value)
    case 'object':
      return typeof value === 'object' && value !== null && !Array.isArray(value)
    case 'any':
      return true
  }
}
