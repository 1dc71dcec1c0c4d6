/**
 * Runs in hand: each is driven by one segment at a time in this process, whoever asks. When the engine dies and comes back
 * it invokes the segment again; that joins the one which goes on.
 */
import { setImmediate as nextTurn } from 'node:timers/promises'
import type { Course } from '../workflow/fold.ts'
import type { Dispatcher } from './dispatcher.ts'

export type SegmentEnd = 'park' | 'end'

export type Drives = {
  /** Drives the run until it has to wait for long, or ends. */
  join: (run: string) => Promise<SegmentEnd>
  /**
   * Drives runs that executed when the program ended, few of them being read at a time: the first go on while the last are
   * read. `failed` is told of a run that could not be driven.
   */
  take_up: (runs: readonly string[], failed: (run: string) => void) => void
  /** The run as it is in the segment that drives it. */
  course: (run: string) => Course | undefined
  /** Resolves when no segment executes. */
  settled: () => Promise<void>
}

const READ_AT_ONCE = 4

type Driving = { end: Promise<SegmentEnd>; course?: Course }

export function openDrives(
  dispatcher: Dispatcher,
  drive: (run: string, opened: (course: Course) => void) => Promise<SegmentEnd>,
): Drives {
  const driving = new Map<string, Driving>()
  let closed = false

  const join = (run: string, read: () => void = () => undefined): Promise<SegmentEnd> => {
    const known = driving.get(run)
    if (known !== undefined) {
      read()
      return known.end
    }
    dispatcher.segmentBegan(run)
    const opened = (course: Course): void => {
      entry.course = course
      read()
    }
    const entry: Driving = {
      end: drive(run, opened).finally(() => {
        driving.delete(run)
        dispatcher.segmentEnded(run)
        read()
      }),
    }
    driving.set(run, entry)
    return entry.end
  }

  return {
    join: (run) => join(run),
    take_up(runs, failed) {
      const left = runs.values()
      const one = async (): Promise<void> => {
        for (const run of left) {
          if (closed) return
          await new Promise<void>((read) => join(run, read).catch(() => failed(run)))
          // Reading is done in promises alone, which would let nothing else have its turn until all are read.
          await nextTurn()
        }
      }
      for (let i = 0; i < READ_AT_ONCE; i++) void one()
    },
    course: (run) => driving.get(run)?.course,
    async settled() {
      closed = true
      await Promise.allSettled([...driving.values()].map(({ end }) => end))
    },
  }
}
