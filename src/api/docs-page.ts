/** /docs: Swagger UI from node_modules. Nothing on the page comes from anywhere but this server. */
import { readFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'

const types: Record<string, string> = {
  'swagger-ui.css': 'text/css; charset=utf-8',
  'swagger-ui-bundle.js': 'text/javascript; charset=utf-8',
  'favicon-32x32.png': 'image/png',
}

const page = `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Quorate: API</title>
<link rel="stylesheet" href="/docs/swagger-ui.css">
<link rel="icon" type="image/png" href="/docs/favicon-32x32.png">
</head>
<body>
<div id="docs"></div>
<script src="/docs/swagger-ui-bundle.js"></script>
<script src="/docs/start.js"></script>
</body>
</html>
`

const start = `SwaggerUIBundle({ url: '/openapi.json', dom_id: '#docs', validatorUrl: null, deepLinking: true, displayRequestDuration: true })
`

// Swagger UI writes style attributes and inlines its icons as data: images; everything else stays shut.
const policy =
  "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; connect-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'"

export const docsPage = (): Response =>
  new Response(page, { headers: { 'content-type': 'text/html; charset=utf-8', 'content-security-policy': policy } })

/** A file of the page; null for a name that is not one of the few. */
export async function docsFile(name: string): Promise<Response | null> {
  const headers = { 'cache-control': 'public, max-age=3600' }
  if (name === 'start.js')
    return new Response(start, { headers: { ...headers, 'content-type': 'text/javascript; charset=utf-8' } })
  const type = Object.hasOwn(types, name) ? types[name] : undefined
  if (type === undefined) return null
  const folder = dirname(createRequire(import.meta.url).resolve('swagger-ui-dist/package.json'))
  return new Response(await readFile(join(folder, name)), { headers: { ...headers, 'content-type': type } })
}
