/** Who this browser is signed in as, where Quorate asks for a key. The session is a cookie that no script can read. */
import { queryOptions } from '@tanstack/react-query'
import type { Permission } from '../../../src/operations/operation.ts'
import { send } from './client.ts'

export type Session = {
  authentication: 'off' | 'keys'
  /** Name of the key; `local` without authentication. */
  name: string
  permissions: Permission[]
  expires_at: number | null
}

export const sessionQuery = queryOptions({
  queryKey: ['session'],
  queryFn: ({ signal }) => send<Session>('GET', '/session', { signal }),
  staleTime: Number.POSITIVE_INFINITY,
})

export const signIn = (key: string): Promise<Session> => send<Session>('POST', '/session', { body: { key } })
export const signOut = (): Promise<unknown> => send('DELETE', '/session')
