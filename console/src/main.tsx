import { QueryClient, QueryClientProvider } from '@tanstack/react-query'
import { RouterProvider } from '@tanstack/react-router'
import { createRoot } from 'react-dom/client'
import { makeRouter } from './routes.tsx'
import { RequestFailed } from './server/client.ts'
import { openConnection } from './server/connection.ts'
import { staleAfter } from './server/queries.ts'
import { applyTheme } from './shell/theme.ts'

applyTheme()
// After an update of the program the page that is open names files of the version before.
window.addEventListener('vite:preloadError', () => window.location.reload())

/** A view is kept as it was last seen while the server is away; the connection says when to read again. */
const client = new QueryClient({
  defaultOptions: {
    queries: {
      staleTime: 2_000,
      retry: (failures, error) => error instanceof RequestFailed && error.status === 0 && failures < 2,
      refetchOnReconnect: false,
      networkMode: 'always',
    },
    mutations: { networkMode: 'always' },
  },
})
const connection = openConnection(staleAfter(client), () => void client.invalidateQueries())
const place = document.getElementById('console')
if (place !== null) {
  createRoot(place).render(
    <QueryClientProvider client={client}>
      <RouterProvider router={makeRouter(connection)} />
    </QueryClientProvider>,
  )
}
