/** Whether the server wants a key that it was not shown; any request may find out. */
let out = false
const listeners = new Set<() => void>()

export const signedOut = {
  get: (): boolean => out,
  set(next: boolean): void {
    if (next === out) return
    out = next
    for (const listener of listeners) listener()
  },
  subscribe(listener: () => void): () => void {
    listeners.add(listener)
    return () => listeners.delete(listener)
  },
}
