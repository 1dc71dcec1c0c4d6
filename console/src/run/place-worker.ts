/** Places stages beside the page, so that a large graph does not hold it up. */
import { placeStages, type ToPlace } from './place-stages.ts'

self.onmessage = ({ data: { id, what } }: MessageEvent<{ id: number; what: ToPlace }>) => {
  self.postMessage({ id, layout: placeStages(what) })
}
