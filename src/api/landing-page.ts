/** GET /: what is here, for a person or a program that has only the address. */
import type { Operation } from '../operations/operation.ts'

const pages = [
  ['/docs', 'the API, to read and to try'],
  ['/openapi.json', 'the same for programs'],
  ['/healthz', 'is it alive'],
  ['/readyz', 'can it work: engine and store'],
  ['/metrics', 'figures for Prometheus'],
  ['/events', 'changes of all runs, live (text/event-stream)'],
] as const

export function landingPage(operations: readonly Operation[], version: string, accept: string): Response {
  const lines = [
    ...pages.map(([path, text]) => ({ method: 'GET', path, text })),
    ...operations.map(({ method, path, summary }) => ({ method, path, text: summary })),
  ]
  if (!accept.includes('text/html')) {
    const text = lines.map(({ method, path, text }) => `${method.padEnd(7)}${path.padEnd(36)}${text}`).join('\n')
    return new Response(`Quorate ${version}\n\n${text}\n`, { headers: { 'content-type': 'text/plain; charset=utf-8' } })
  }
  const rows = lines.map(({ method, path, text }) => {
    const shown = method === 'GET' && !path.includes('{') ? `<a href="${path}">${path}</a>` : path
    return `<tr><td>${method}</td><td>${shown}</td><td>${escaped(text)}</td></tr>`
  })
  const html = `<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1"><title>Quorate</title></head>
<body><h1>Quorate ${escaped(version)}</h1><table>${rows.join('\n')}</table></body>
</html>
`
  return new Response(html, { headers: { 'content-type': 'text/html; charset=utf-8' } })
}

const escaped = (text: string): string => text.replace(/[&<>"]/g, (char) => `&#${char.charCodeAt(0)};`)
