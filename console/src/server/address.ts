/** Where an operation is asked, and what of its input does not stand in the address. Routes were taken from the operations by the build. */
declare const __ROUTES__: { [operation: string]: [method: string, path: string] }

export function addressOf(
  operation: string,
  input: object,
): { method: string; address: string; body: { [field: string]: unknown } | undefined } {
  const [method, pattern] = __ROUTES__[operation] ?? ['GET', '/']
  const rest: { [field: string]: unknown } = { ...input }
  const path = pattern.replaceAll(/\{(\w+)\}/g, (_, field: string) => {
    const value = String(rest[field])
    delete rest[field]
    return encodeURIComponent(value)
  })
  if (method !== 'GET' && method !== 'DELETE') return { method, address: path, body: rest }
  const query = new URLSearchParams()
  for (const [field, value] of Object.entries(rest)) {
    if (value !== undefined) for (const one of [value].flat()) query.append(field, String(one))
  }
  return { method, address: query.size > 0 ? `${path}?${query}` : path, body: undefined }
}
