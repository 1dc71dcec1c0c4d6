/** Something that a person has done by the server: disabled while it goes on, and its failure is said beside it. */
import { useMutation, useQueryClient } from '@tanstack/react-query'
import type { ReactNode } from 'react'
import { call, type Input, type OperationName, type Output } from '../server/client.ts'

/** Each press is one request, however often the network makes it be sent. */
export function useAction<N extends OperationName>(name: N, done?: (output: Output<N>) => unknown) {
  const client = useQueryClient()
  return useMutation({
    mutationFn: (input: Input<N>) => call(name, input, { key: crypto.randomUUID() }),
    onSuccess: async (output) => {
      await done?.(output)
      await client.invalidateQueries()
    },
  })
}

export function ActionButton({
  action,
  onPress,
  tone = '',
  children,
}: {
  action: { isPending: boolean }
  onPress: () => void
  tone?: '' | 'primary' | 'danger'
  children: ReactNode
}) {
  return (
    <button type="button" className={`button ${tone}`} disabled={action.isPending} onClick={onPress}>
      {children}
    </button>
  )
}
