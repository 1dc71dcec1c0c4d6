import type { Agent } from '../agents/agent.ts'
import type { StoreAccess } from './schema.ts'
import type { Store } from './store.ts'

export function agentStore({ db, namespace }: StoreAccess): Store['agents'] {
  return {
    async put(agent) {
      const text = JSON.stringify(agent)
      await db
        .insertInto('agents')
        .values({ namespace, id: agent.id, agent: text, created_at: agent.created_at })
        .onConflict((conflict) => conflict.columns(['namespace', 'id']).doUpdateSet({ agent: text }))
        .execute()
    },

    /** Oldest first. */
    async list() {
      const rows = await db
        .selectFrom('agents')
        .select('agent')
        .where('namespace', '=', namespace)
        .orderBy('created_at')
        .orderBy('id')
        .execute()
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
