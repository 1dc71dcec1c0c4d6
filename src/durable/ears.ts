/** Who listens for mail: the segment of a run that executes in this process. The inbox is the truth; this is only the poke. */

export type Ear = {
  /** Something may have come that was not read yet. True in the beginning: nobody has looked. */
  heard: boolean
  /** Called when something comes. */
  wake: () => void
  /** Ends the listening, once. True when something has come since `heard` was last set to false: somebody has to look. */
  close: () => boolean
}

export type Ears = {
  /** Listens for a run from now on, in the place of an earlier attempt that was given up. */
  listen: (run: string) => Ear
  /** Mail was stored. True when somebody listens, who will read it or say so when closing. */
  arrived: (run: string) => boolean
}

export function openEars(): Ears {
  const ears = new Map<string, Ear>()
  return {
    listen(run) {
      const ear: Ear = {
        heard: true,
        wake: () => undefined,
        close() {
          if (ears.get(run) !== ear) return false
          ears.delete(run)
          return ear.heard
        },
      }
      ears.set(run, ear)
      return ear
    },
    arrived(run) {
      const ear = ears.get(run)
      if (ear === undefined) return false
      ear.heard = true
      ear.wake()
      return true
    },
  }
}
