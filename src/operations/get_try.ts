import { z } from 'zod'
import { fail, ok } from '../failure.ts'
import { defineOperation } from './define-operation.ts'
import { shownTry, tryIdInput, tryView } from './tries.ts'

export const get_try = defineOperation({
  name: 'get_try',
  method: 'GET',
  path: '/tries/{id}',
  summary: 'How far a try of an agent is, and what came of it',
  needs: 'agents:read',
  input: z.strictObject({ id: tryIdInput }),
  output: tryView,
  run: async (context, { id }) => {
    const found = await context.store.tries.get(id)
    return found === null
      ? fail('not_found', `there is no try ${id}`, { field: 'id', value: id })
      : ok(shownTry(context, found))
  },
})
