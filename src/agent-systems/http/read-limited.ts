/** The body of an answer up to a limit of bytes, counted after decompression; null when there is more. */
export async function readLimited(response: Response, limit: number): Promise<string | null> {
  if (!response.body) return ''
  const chunks: Uint8Array[] = []
  let size = 0
  // Leaving the loop early cancels the stream, which closes the socket.
  for await (const chunk of response.body) {
    size += chunk.length
    if (size > limit) return null
    chunks.push(chunk)
  }
  return Buffer.concat(chunks).toString('utf8')
}
