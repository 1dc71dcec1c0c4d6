/**
 * Lets those who write to one file take turns, in the order in which they asked. SQLite would make the second one wait for
 * the first by putting its whole thread to sleep.
 */
export type WriteTurns = <T>(write: () => Promise<T>) => Promise<T>

export function openWriteTurns(): WriteTurns {
  let last: Promise<unknown> = Promise.resolve()
  return (write) => {
    const mine = last.then(write)
    last = mine.catch(() => undefined)
    return mine
  }
}
