import assert from 'node:assert/strict'
import { test } from 'node:test'
import { eventually } from '../../test/support/eventually.ts'
import { LogLines } from '../../test/support/log-lines.ts'
import { TestMesh, type TestRouter } from '../../test/support/mesh-router.ts'
import { RawPeer } from '../../test/support/raw-peer.ts'
import { systemClock } from '../lib/clock.ts'
import type { GossipData } from './gossiper.ts'

const MEGABYTES = 8

/** More than the kernel holds for a reader that sleeps. */
class Large implements GossipData {
  readonly payload = new Uint8Array(MEGABYTES * 2 ** 20)

  merge(): GossipData {
    return this
  }

  encode(): Uint8Array[] {
    return [this.payload]
  }
}

const nothing = (): undefined => undefined

/** The kernel has taken what it takes. */
async function untilStuck({ router }: TestRouter): Promise<number> {
  let [unsent, same] = [0, 0]
  await eventually('the socket to be stuck', () => {
    const now = router.counters().unsent
    same = now === unsent && now > 0 ? same + 1 : 0
    unsent = now
    return same === 20
  })
  return unsent
}

test('a neighbour that reads nothing gets one message at a time, for half a minute, and holds up nobody', async () => {
  await using mesh = new TestMesh()
  const log = new LogLines()
  let ahead = 0
  const clock = { now: () => systemClock.now() + ahead, wall: systemClock.wall }
  const target = await mesh.start(200, {}, { log, clock })
  const callbacks = { onUnicast: nothing, onBroadcast: nothing, onGossip: nothing, complete: nothing }
  const channel = target.router.channel('large', callbacks)
  const friend = await mesh.start(201)
  let heard = 0
  const onGossip = (payload: Uint8Array): undefined => {
    heard += payload.length
  }
  friend.router.channel('large', { ...callbacks, onGossip })
  await friend.router.connect([target.address])
  await using sleeper = await RawPeer.introduced(target, mesh.address(7))
  await eventually('both neighbours', () => target.overlay.live.size === 2)
  sleeper.socket.pause()

  for (let round = 1; round <= 4; round++) {
    channel.neighbourSubset(new Large())
    await eventually(`round ${round} at the friend`, () => heard === round * MEGABYTES * 2 ** 20)
  }
  const unsent = await untilStuck(target)
  assert.ok(
    unsent <= (MEGABYTES + 1) * 2 ** 20,
    `${unsent} bytes wait: later rounds merge before they are written`,
  )

  ahead = 29_000
  await target.router.connect([])
  assert.equal(target.overlay.live.size, 2)
  ahead = 31_000
  await target.router.connect([])
  await eventually('the reason', () => log.reasons().includes('write timed out: nothing taken for 30 s'))
  assert.equal(target.router.counters().unsent, 0)
  assert.equal(friend.router.status().terminationCount, 0)
})
