/**
 * Runs in hand: each is driven by one segment at a time in this process, whoever asks. When the engine dies and comes back
 * it invokes the segment again; that joins the one which goes on.
 */
import type { Course } from '../workflow/fold.ts'
import type { Dispatcher } from './dispatcher.ts'

export type SegmentEnd = 'park' | 'end'

export type Drives = {
  /** Drives the run until it has to wait for long, or ends. */
  join: (run: string) => Promise<SegmentEnd>
  /** The run as it is in the segment that drives it. */
  course: (run: string) => Course | undefined
  /** Resolves when no segment executes. */
  settled: () => Promise<void>
}

export function openDrives(
  dispatcher: Dispatcher,
  drive: (run: string, opened: (course: Course) => void) => Promise<SegmentEnd>,
): Drives {
  const driving = new Map<string, { end: Promise<SegmentEnd>; course?: Course }>()
  return {
    join(run) {
      const known = driving.get(run)
      if (known !== undefined) return known.end
      dispatcher.segmentBegan(run)
      const entry: { end: Promise<SegmentEnd>; course?: Course } = {
        end: drive(run, (course) => {
          entry.course = course
        }).finally(() => {
          driving.delete(run)
          dispatcher.segmentEnded(run)
        }),
      }
      driving.set(run, entry)
      return entry.end
    },
    course: (run) => driving.get(run)?.course,
    async settled() {
      await Promise.allSettled([...driving.values()].map(({ end }) => end))
    },
  }
}
