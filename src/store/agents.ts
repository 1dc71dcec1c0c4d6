import type { Agent } from '../agents/agent.ts'
import { agentSum, verifySum } from './checksum.ts'
import type { StoreAccess } from './schema.ts'
import type { Store } from './store.ts'

export function agentStore({ db, namespace }: StoreAccess): Store['agents'] {
  return {
    async put(agent) {
      const text = JSON.stringify(agent)
      const sum = agentSum(namespace, agent.id, text)
      await db
        .insertInto('agents')
        .values({ namespace, id: agent.id, agent: text, created_at: agent.created_at, sum })
        .onConflict((conflict) => conflict.columns(['namespace', 'id']).doUpdateSet({ agent: text, sum }))
        .execute()
    },

    /** Oldest first. */
    async list() {
      const rows = await db
        .selectFrom('agents')
        .select(['id', 'agent', 'sum'])
        .where('namespace', '=', namespace)
        .orderBy('created_at')
        .orderBy('id')
        .execute()
      for (const row of rows) verifySum(`agent ${row.id}`, row.sum, agentSum(namespace, row.id, row.agent))
      return rows.map((row) => JSON.parse(row.agent) as Agent)
    },

    async remove(id) {
      const gone = await db
        .deleteFrom('agents')
        .where('namespace', '=', namespace)
        .where('id', '=', id)
        .executeTakeFirst()
      return gone.numDeletedRows > 0n
    },
  }
}
