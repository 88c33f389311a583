import { ownedRanges } from '../../../src/ipam/ring.ts'
import type { Ip4 } from '../../../src/lib/ip4.ts'
import { formatIp4 } from '../../../src/lib/ip4.ts'
import { seededRng } from '../../../src/lib/rng.ts'
import type { IpamCode } from './code.ts'
import { World } from './world.ts'

const SECOND = 1000
const LEASE_TIME = 60 * SECOND
const MEMBERS = 4

/**
 * An old peer, which knows nothing of leases, is cut off together with one of the hosts that have them, wants space for
 * many containers, and sees that host vanish for good. The others cannot reach either, and take the free space of the
 * host that is gone; then all meet again. What the old peer has got is its own, and nothing of it is another's.
 */
export function runStrangerLife(
  seed: number,
  code: IpamCode,
): { violations: readonly string[]; got: number } {
  const rng = seededRng(seed)
  const world = new World({
    code,
    rng,
    peers: MEMBERS + 1,
    subnet: { addr: 0x0a20_0000 as Ip4, prefixLen: 24 + rng.below(3) },
    init: () => ({ kind: 'consensus', peers: 3 }),
    loss: rng.float() * 0.02,
    writeFaults: 0,
    persistLate: false,
    withoutConsent: false,
    unannounced: true,
    reclaim: { leaseTime: LEASE_TIME, holdTime: 8 * LEASE_TIME },
    strangers: 1,
  })
  const [stranger] = world.peers.slice(-1)
  const members = world.peers.slice(0, MEMBERS)
  const donor = members[rng.below(3)]
  if (stranger === undefined || donor === undefined) return { violations: ['no hosts'], got: 0 }
  for (const peer of members) world.start(peer)
  for (const peer of members) world.allocate(peer)
  world.run(30 * SECOND)
  world.start(stranger)
  for (let i = 0; i < rng.below(4); i++) world.allocate(stranger)
  world.run(rng.float() * 10 * SECOND)

  world.split((peer) => (peer === stranger || peer === donor ? 1 : 0))
  for (let i = 0; i < 20; i++) {
    world.allocate(stranger, 30 * SECOND)
    world.run(rng.float() * 2 * SECOND)
  }
  world.vanish(donor)
  const others = members.filter((peer) => peer !== donor)
  for (let i = 0; i < 120; i++) {
    for (const peer of others) world.allocate(peer)
    world.allocate(stranger)
    world.run(2 * SECOND)
  }
  world.containers.check(world.running, world.queue.now)
  for (let i = 0; i < 6; i++) {
    world.heal()
    for (const peer of [...others, stranger]) world.allocate(peer)
    world.run(10 * SECOND)
  }
  world.containers.check(world.running, world.queue.now)

  const used = stranger.allocator?.view.holdings.space.used ?? []
  for (const { allocator } of others) {
    const theirs = allocator === undefined ? [] : ownedRanges(allocator.ring, stranger.name)
    for (const { start, end } of used)
      if (!theirs.some((range) => range.start <= start && end <= range.end))
        world.history.violation(world.queue.now, `${formatIp4(start as Ip4)} of the old peer is another's`)
  }
  return { violations: world.history.violations, got: world.history.idents(stranger.name).length }
}
