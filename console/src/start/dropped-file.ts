/** A definition as a file, dropped anywhere on the page or chosen. */
import { type DragEvent, useState } from 'react'

const MOST_BYTES = 4_000_000

export function useDroppedFile(onText: (text: string) => void, onWrong: (error: unknown) => void) {
  const [over, setOver] = useState(false)
  const take = async (file: File | undefined) => {
    if (file === undefined) return
    if (file.size > MOST_BYTES)
      return onWrong(new Error(`${file.name} has ${file.size} bytes; ${MOST_BYTES} are allowed`))
    onText(await file.text())
  }
  const withFile = (event: DragEvent) => event.dataTransfer.types.includes('Files')
  const handlers = {
    onDragOver: (event: DragEvent) => {
      if (!withFile(event)) return
      event.preventDefault()
      setOver(true)
    },
    onDragLeave: (event: DragEvent) => {
      // Leaving one element of the page for another is no leaving.
      if (!(event.relatedTarget instanceof Node && event.currentTarget.contains(event.relatedTarget))) setOver(false)
    },
    onDrop: (event: DragEvent) => {
      if (!withFile(event)) return
      event.preventDefault()
      setOver(false)
      void take(event.dataTransfer.files[0])
    },
  }
  return { over, take, handlers }
}
