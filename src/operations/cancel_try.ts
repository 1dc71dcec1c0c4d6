import { z } from 'zod'
import { fail, ok } from '../failure.ts'
import { defineOperation } from './define-operation.ts'
import { shownTry, stopTry, tryIdInput, tryView } from './tries.ts'

export const cancel_try = defineOperation({
  name: 'cancel_try',
  method: 'POST',
  path: '/tries/{id}/cancel',
  summary: 'Stop a try of an agent',
  needs: 'agents:write',
  status: 202,
  input: z.strictObject({ id: tryIdInput }),
  output: tryView,
  run: async (context, { id }) => {
    const found = await context.store.tries.get(id)
    if (found === null) return fail('not_found', `there is no try ${id}`, { field: 'id', value: id })
    if (found.state !== 'running' || !stopTry(context.fleet, id))
      return fail('conflict', 'the try has ended', { field: 'id', value: id })
    return ok(shownTry(context, found))
  },
})
