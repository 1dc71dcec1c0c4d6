import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { placeQueue } from './place-queue.ts'

const never = () => new AbortController().signal
const granted = async (taking: ReturnType<ReturnType<typeof placeQueue>['take']>) => {
  const place = await taking
  assert.ok(place.ok)
  return place.value
}

describe('a queue of places', () => {
  it('gives places in order of arrival, and never more than it has', async () => {
    const queue = placeQueue(2)
    const order: number[] = []
    const places: (() => void)[] = []
    const taking = [0, 1, 2, 3, 4].map(async (n) => {
      places.push(await granted(queue.take(never())))
      order.push(n)
    })
    await Promise.all(taking.slice(0, 2))
    assert.deepEqual([queue.in_flight(), queue.queued()], [2, 3])
    for (let freed = 0; freed < 5; freed++) {
      places[freed]?.()
      // A place given back twice is one place.
      places[freed]?.()
      await taking[freed + 2]
      assert.ok(queue.in_flight() <= 2)
    }
    assert.deepEqual(order, [0, 1, 2, 3, 4])
    assert.deepEqual([queue.in_flight(), queue.queued()], [0, 0])
  })

  it('is left by who is cancelled or out of time while waiting', async () => {
    const queue = placeQueue(1)
    const release = await granted(queue.take(never()))
    const ends = new AbortController()
    const left = queue.take(ends.signal)
    const stays = queue.take(never())
    ends.abort(new DOMException('1 s is over', 'TimeoutError'))
    const result = await left
    assert.equal(!result.ok && result.failure.kind, 'timeout')
    assert.equal(queue.queued(), 1)
    release()
    await granted(stays)
    const late = await queue.take(AbortSignal.abort())
    assert.equal(!late.ok && late.failure.kind, 'cancelled')
  })

  it('is busy when it is full, and says when to come back', async () => {
    const queue = placeQueue(1, 2)
    await granted(queue.take(never()))
    void queue.take(never())
    void queue.take(never())
    const refused = await queue.take(never())
    assert.ok(!refused.ok)
    assert.equal(refused.failure.kind, 'busy')
    assert.ok((refused.failure.retry_after_s ?? 0) >= 1)
  })
})
