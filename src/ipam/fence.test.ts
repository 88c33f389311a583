import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type Cidr, cidrRange, type Ip4, parseCidr } from '../lib/ip4.ts'
import type { PeerName } from '../lib/peer-name.ts'
import { seededRng } from '../lib/rng.ts'
import { Allocator } from './allocator.ts'
import { PersistBarrier } from './barrier.ts'
import type { Restored } from './changes.ts'
import type { GossipState } from './gossip-codec.ts'
import { NO_PROMISES } from './promises.ts'
import type { AllocatorOutput } from './request.ts'
import { emptyRing, type Ring } from './ring.ts'
import { seedRing, transfer } from './ring-change.ts'
import { oneOfTwo } from './testing/one-of-two.ts'

const subnet: Cidr = parseCidr('10.32.0.0/28')
const [A, D] = [0x0200_0000_000a, 0x0200_0000_000d] as PeerName[] as [PeerName, PeerName]

/** D's allocator with its disk as `restored`. */
function start(restored: Restored): Allocator {
  const allocator = oneOfTwo(D, 'd')
  allocator.start(restored, [], 0)
  return allocator
}

const ringOf = (peer: PeerName): Ring => seedRing(emptyRing(cidrRange(subnet), peer), [A, D])
const says = (ring: Ring): GossipState => ({ nowSec: 0, nicknames: new Map(), paxos: undefined, ring })
const got = (outputs: readonly AllocatorOutput[]): boolean =>
  outputs.some((output) => output.kind === 'answer' && output.answer.kind === 'address')
const ask = (allocator: Allocator, ident: string): boolean =>
  got(allocator.allocate(1, { ident, subnet, isContainer: false }, 1))

const held: Restored = {
  ring: ringOf(D),
  owned: new Map([['c', { isContainer: false, cidrs: [{ addr: 0x0a20_0009 as Ip4, prefixLen: 28 }] }]]),
  promises: NO_PROMISES,
}

test('a removed peer that comes back gives out nothing more of what was taken over, also after a restart', () => {
  const back = start(held)
  assert.equal(ask(back, 'before'), true)
  back.gossip(undefined, says(transfer(ringOf(A), D, A).ring), 2)
  assert.equal(ask(back, 'after'), false)

  const changes = back.takeChanges()
  assert.ok(changes !== undefined && changes.promises.disputed.length > 0)
  const again = start({ ...held, promises: changes.promises })
  assert.equal(ask(again, 'later'), false)
  assert.deepEqual(again.lookup('c', cidrRange(subnet)), [{ addr: 0x0a20_0009, prefixLen: 28 }])
})

test('a removed peer that comes back writes no new versions of what was taken over, however many containers end', () => {
  const back = start(held)
  for (let i = 0; i < 3; i++) assert.equal(ask(back, `c${i}`), true)
  back.takeChanges()
  back.gossip(undefined, says(transfer(ringOf(A), D, A).ring), 2)
  const { entries } = back.ring
  for (let i = 0; i < 3; i++) {
    back.delete(2, `c${i}`, 3)
    back.takeChanges()
  }
  assert.deepEqual(back.ring.entries, entries)
})

test('once its containers are gone the ring is merged and the space is the other one’s', () => {
  const back = start(held)
  const theirs = says(transfer(ringOf(A), D, A).ring)
  back.gossip(undefined, theirs, 2)
  assert.equal(back.foreignRings[0]?.conflict.kind, 'owned-by-us')
  back.delete(2, 'c', 3)
  back.gossip(undefined, theirs, 4)
  assert.deepEqual(back.foreignRings, [])
  assert.equal(back.ring.entries.filter((entry) => entry.peer === D).length, 0)
})

test('an elector’s promise is not told before it is on disk, and is not lost with a failed write', () => {
  const options = {
    self: D,
    nickname: 'd',
    uid: 1n,
    range: cidrRange(subnet),
    init: { kind: 'consensus', peers: 3 } as const,
  }
  const allocator = new Allocator(options, { rng: seededRng(1), quorum: () => 2, isKnown: () => true })
  const barrier = new PersistBarrier(allocator, { ring: allocator.ring, promises: NO_PROMISES })
  const told = (): number =>
    allocator.view.bootstrap.tellable(barrier.durable.promises.elector)?.length ?? Number.NaN
  allocator.start(undefined, [], 0)
  const effects = barrier.step(allocator.prime(1, 0))
  assert.ok(effects.write?.promises.elector !== undefined)
  assert.deepEqual(
    effects.outputs.filter((output) => output.kind === 'broadcast'),
    [],
  )
  assert.equal(told(), 0)

  barrier.failed('disk full')
  assert.equal(told(), 0)
  const second = barrier.step(allocator.tick(5000))
  assert.ok(second.write?.promises.elector !== undefined)
  assert.equal(
    barrier.written().outputs.some((output) => output.kind === 'broadcast'),
    true,
  )
  assert.equal(told(), 1)
})

test('a merge that ends a dispute and cannot be written leaves the fence where it was', () => {
  const back = start(held)
  const barrier = new PersistBarrier(back, { ring: held.ring, promises: NO_PROMISES })
  const theirs = says(transfer(ringOf(A), D, A).ring)
  barrier.step(back.gossip(undefined, theirs, 2))
  barrier.written()
  barrier.step(back.delete(2, 'c', 3))
  barrier.written()
  barrier.step(back.gossip(undefined, theirs, 4))
  assert.equal(back.takeChanges(), undefined)
  barrier.failed('disk full')
  assert.equal(ask(back, 'after'), false)
})
