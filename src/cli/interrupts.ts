/** Signals as interrupts: one key press comes once, however many processes pass it on. */

/** npm passes on a Ctrl-C that the terminal has sent already; a person who presses again takes longer. */
const SAME_MS = 500

type Source = Pick<NodeJS.Process, 'on' | 'off'> & { channel?: { unref: () => void } | undefined }

/** `SIGINT` and the like as `Ctrl-C`; the end of the launcher as a reason of its own. Nobody listening: the default holds. */
export function interruptsOf(source: Source, now: () => number): (listener: (reason: string) => void) => () => void {
  return (listener) => {
    let last = Number.NEGATIVE_INFINITY
    const said = (reason: string) => () => {
      if (now() - last < SAME_MS) return
      last = now()
      listener(reason)
    }
    const handlers = [
      ['SIGINT', said('Ctrl-C')],
      ['SIGTERM', said('SIGTERM')],
      ['SIGHUP', said('the terminal was closed')],
      ['disconnect', said('the process that started it has ended')],
    ] as const
    for (const [name, handler] of handlers) source.on(name as 'SIGINT', handler)
    // Listening to the launcher must not keep this process alive.
    source.channel?.unref()
    return () => {
      for (const [name, handler] of handlers) source.off(name, handler)
    }
  }
}
