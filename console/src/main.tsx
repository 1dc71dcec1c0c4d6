import { QueryClient, QueryClientProvider } from '@tanstack/react-query'
import { RouterProvider } from '@tanstack/react-router'
import { lazy, Suspense, useSyncExternalStore } from 'react'
import { createRoot } from 'react-dom/client'
import { makeRouter } from './routes.tsx'
import { RequestFailed } from './server/client.ts'
import { openConnection } from './server/connection.ts'
import { staleAfter } from './server/queries.ts'
import { signedOut } from './server/signed-out.ts'
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
// Nothing of a session may be seen after it, nor be asked for without one.
signedOut.subscribe(() => {
  if (signedOut.get()) connection.close()
  else connection.again()
  client.clear()
})
const router = makeRouter(connection)
const SignIn = lazy(() => import('./shell/sign-in.tsx').then(({ SignIn }) => ({ default: SignIn })))

function Console() {
  if (!useSyncExternalStore(signedOut.subscribe, signedOut.get)) return <RouterProvider router={router} />
  return (
    <Suspense>
      <SignIn onSignedIn={() => signedOut.set(false)} />
    </Suspense>
  )
}

const place = document.getElementById('console')
if (place !== null) {
  createRoot(place).render(
    <QueryClientProvider client={client}>
      <Console />
    </QueryClientProvider>,
  )
}
