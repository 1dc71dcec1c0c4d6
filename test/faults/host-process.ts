/** A model host in a process of its own, to be killed. Prints its address, then a line for each call that it has begun. */
import { mindedHost } from './minded-host.stand-in.ts'
import { knower } from './minds.ts'

const host = await mindedHost()
host.weather.set('h', { kind: 'well' })
host.minds.set('k0', (asked) => {
  console.log('asked')
  return { ...knower(asked), pace_ms: 60 }
})
console.log(`${host.url}/h/v1`)
