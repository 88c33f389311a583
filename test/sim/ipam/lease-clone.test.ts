import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Allocator } from '../../../src/ipam/allocator.ts'
import { PersistBarrier } from '../../../src/ipam/barrier.ts'
import type { AllocatorEvent } from '../../../src/ipam/request.ts'
import { conflictAdvice, takeSnapshot } from '../../../src/ipam/snapshot.ts'
import type { Ip4 } from '../../../src/lib/ip4.ts'
import type { PeerName } from '../../../src/lib/peer-name.ts'
import { seededRng } from '../../../src/lib/rng.ts'
import type { SimPeer } from './peer.ts'
import { World } from './world.ts'

const SECOND = 1000
const LEASE_TIME = 60 * SECOND
const SEEDS = 20
/** Renewals go out four times in a lease time, and each host is reached half of the time. */
const FOUND_WITHIN = LEASE_TIME

interface Given {
  readonly addr: Ip4
  readonly at: number
}

/** Asks for an address every few seconds; what was given, and when. */
function ask(world: World, peer: SimPeer, prefix: string, until: number): Given[] {
  const given: Given[] = []
  const again = (): void => {
    if (!peer.isUp || world.queue.now >= until) return
    const ident = `${prefix}${world.queue.now}`
    peer.request(
      (allocator, id, now) =>
        allocator.allocate(id, { ident, subnet: world.containers.subnet, isContainer: false }, now),
      (answer) => {
        if (answer.kind === 'address') given.push({ addr: answer.cidr.addr, at: world.queue.now })
      },
    )
    world.queue.after(2 * SECOND + world.rng.float() * 3 * SECOND, again)
  }
  again()
  return given
}

const advice = (world: World, peer: SimPeer): string =>
  peer.allocator === undefined
    ? ''
    : conflictAdvice(takeSnapshot(peer.allocator, world.containers.subnet, peer.now)).join('\n')

for (let seed = 1; seed <= SEEDS; seed++) {
  test(`a machine and its clone, both up: all are told, neither gives out addresses, the others go on; one that is launched again alone does, too (seed ${seed})`, () => {
    const rng = seededRng(seed)
    const told: { peer: PeerName; kind: string; at: number }[] = []
    const world: World = new World({
      code: { Allocator, PersistBarrier },
      rng,
      peers: 3 + rng.below(3),
      subnet: { addr: 0x0a20_0000 as Ip4, prefixLen: 22 },
      init: (names) => ({ kind: 'consensus', peers: names.length }),
      loss: rng.float() * 0.02,
      writeFaults: 0,
      persistLate: false,
      withoutConsent: false,
      unannounced: true,
      reclaim: { leaseTime: LEASE_TIME, holdTime: 8 * LEASE_TIME },
      event: (peer: PeerName, { kind }: AllocatorEvent, at: number) => told.push({ peer, kind, at }),
    })
    for (const peer of world.peers) world.start(peer)
    for (const peer of world.peers) for (let i = 0; i < 3; i++) world.allocate(peer)
    world.run(90 * SECOND)
    const peer = world.pick(world.peers)
    assert.ok(peer?.allocator?.leases?.isMember === true)
    const others = world.peers.filter((other) => other !== peer)

    const clonedAt = world.queue.now
    const clone = world.clone(peer)
    const until = clonedAt + 5 * LEASE_TIME
    const [first, second] = [ask(world, peer, 'x', until), ask(world, clone, 'y', until)]
    for (let i = 0; i < 20; i++) {
      for (const other of others) world.allocate(other)
      world.run((until - world.queue.now) / (20 - i))
    }
    const found = told.filter(({ kind }) => kind === 'name-doubled').map(({ at }) => at)
    const at = Math.min(...found)
    assert.ok(at - clonedAt <= FOUND_WITHIN, `${at - clonedAt}`)
    assert.ok(told.some((event) => event.kind === 'cloned' && event.peer === peer.name))
    assert.ok(others.some((other) => /two hosts use the name of p\d/.test(advice(world, other))))
    assert.match(advice(world, peer) + advice(world, clone), /another host uses the name of this one/)

    // A lease that was granted before stands until it lapses.
    for (const one of [peer, clone]) assert.equal(one.allocator?.leases?.leasedUntil(one.now), undefined)
    for (const given of [first, second])
      assert.deepEqual(
        given.filter((each) => each.at > at + LEASE_TIME),
        [],
      )

    clone.crash()
    world.crash(peer)
    world.run(SECOND)
    world.start(peer)
    world.run(3 * LEASE_TIME)
    assert.ok(peer.allocator.leases?.leasedUntil(peer.now) !== undefined)
    assert.equal(advice(world, peer).includes('another host uses the name'), false)
    const after = ask(world, peer, 'z', world.queue.now + SECOND)
    world.run(10 * SECOND)
    assert.ok(after.length > 0)
    for (const other of others)
      for (const { cidrs } of other.allocator?.view.holdings.idents.values() ?? [])
        for (const { addr } of cidrs)
          for (const given of [first, second, after]) assert.ok(!given.some((each) => each.addr === addr))
    assert.deepEqual(world.history.violations, [])
  })
}
