/** A logger for programs in tests and in the proof, whose log nobody reads. */
const nothing = (): undefined => undefined

export const quietLogger = { debug: nothing, info: nothing, warn: nothing, error: nothing }

/** Only what must not happen is said, on standard error. */
export const errorsOnly = {
  ...quietLogger,
  error: (fields: object, message: string): void => console.error(message, fields),
}
