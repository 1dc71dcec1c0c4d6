import type { BlobRef } from './value.ts'

/**
 * Stands in an evaluation for a value that is held elsewhere: it can be passed on and is not null; a list's size is
 * known. Whatever else is asked of it has no value. Without fields of its own, so that none can be read.
 */
export class LargeValue {
  readonly #reference: BlobRef
  constructor(reference: BlobRef) {
    this.#reference = reference
  }
  static referenceOf = (value: LargeValue): BlobRef => value.#reference
  /** An object is asked to take it as the name of a field. */
  toString(): never {
    throw new OutOfSight()
  }
}

/** What an expression asks of a large value is not known. `range` is where in the expression. */
export class OutOfSight extends Error {
  range?: { start: number; end: number }
  constructor() {
    super('a large value cannot be looked into')
  }
}
