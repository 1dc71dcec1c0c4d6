import assert from 'node:assert/strict'
import { test } from 'node:test'
import { newSecret } from '../operations/key-secret.ts'
import { damage } from '../store/stand-ins.ts'
import { asJson, openDoor } from './stand-ins.ts'

test('a key whose row is damaged ends alone: its streams, and no others; another is revoked all the same', async (t) => {
  const own_key = newSecret()
  const door = await openDoor({ authentication: 'keys', own_key, timing: { key_recheck_ms: 20 } })
  t.after(() => door.close())
  const bearer = (key: string) => ({ authorization: `Bearer ${key}` })
  const make = async (name: string) => {
    const made = await door.post('/keys', { name, permissions: ['runs:read'] }, { ...asJson, ...bearer(own_key) })
    return made.json as { key: string; id: string }
  }
  const stream = async (key: string) => {
    const answer = await fetch(`${door.url}/events`, { headers: { ...bearer(key), accept: 'text/event-stream' } })
    assert.equal(answer.status, 200)
    return answer
  }
  const [damaged, other] = [await make('damaged'), await make('other')]
  const [ends, goesOn] = [await stream(damaged.key), await stream(other.key)]
  let over = false
  const otherEnds = goesOn.text().then(() => {
    over = true
  })
  const { data_dir } = door.parts.context.configuration
  damage(data_dir, `update api_keys set permissions = 'runs:write' where id = '${damaged.id}'`)
  await ends.text()
  const refused = await door.send({ path: '/runs', headers: bearer(damaged.key) })
  assert.match(refused.text, new RegExp(`API key ${damaged.id} is not what was written`))
  assert.equal((await door.send({ path: '/runs', headers: bearer(other.key) })).status, 200)
  assert.equal(over, false)
  const revoked = await door.send({ method: 'DELETE', path: '/keys/other', headers: bearer(own_key) })
  assert.equal(revoked.status, 200)
  await otherEnds
})
