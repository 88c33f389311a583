import type { AllocatorEvent } from '../../../src/ipam/request.ts'
import type { Ip4 } from '../../../src/lib/ip4.ts'
import { formatPeerName, type PeerName } from '../../../src/lib/peer-name.ts'
import { seededRng } from '../../../src/lib/rng.ts'
import type { IpamCode } from './code.ts'
import type { SimPeer } from './peer.ts'
import { World } from './world.ts'

const SECOND = 1000
const LEASE_TIME = 60 * SECOND
const HOLD_TIME = 8 * LEASE_TIME
const RESIDENTS = 3

export interface GuestLifeOptions {
  readonly code: IpamCode
  readonly guests: number
  readonly event?: (peer: PeerName, event: AllocatorEvent, at: number) => void
}

export interface GuestOutcome {
  readonly violations: readonly string[]
  /** Guests that got all addresses that they asked for. */
  readonly served: number
  /** Guests that were off for good while they were members still, at most at one time. */
  readonly mostDead: number
}

/**
 * Three hosts stay, are restarted now and then, and see many more come, start containers and vanish for good, several of
 * them within one lease time. Nobody acts: the hosts that stay have leases all the time, and every guest gets addresses.
 */
export function runGuestLife(seed: number, options: GuestLifeOptions): GuestOutcome {
  const rng = seededRng(seed)
  const world = new World({
    code: options.code,
    rng,
    peers: RESIDENTS + options.guests,
    subnet: { addr: 0x0a20_0000 as Ip4, prefixLen: 12 },
    init: () => ({ kind: 'consensus', peers: RESIDENTS }),
    loss: rng.float() * 0.02,
    writeFaults: 0,
    persistLate: false,
    withoutConsent: false,
    unannounced: true,
    reclaim: { leaseTime: LEASE_TIME, holdTime: HOLD_TIME },
    event: options.event,
  })
  const residents = world.peers.slice(0, RESIDENTS)
  for (const peer of residents) world.start(peer)
  for (const peer of residents) world.allocate(peer)
  world.run(30 * SECOND)

  let served = 0
  let mostDead = 0
  for (const guest of world.peers.slice(RESIDENTS)) {
    world.start(guest)
    for (let i = 0; i < 3; i++) world.allocate(guest, 50 * SECOND)
    world.queue.after((30 + rng.float() * 40) * SECOND, () => {
      served += Number(world.history.idents(guest.name).length === 3)
      world.vanish(guest)
    })
    if (rng.below(4) === 0) restart(world, world.pick(residents))
    world.run((3 + rng.float() * 12) * SECOND)
    for (const peer of residents) world.allocate(peer)
    world.containers.check(world.running, world.queue.now)
    mostDead = Math.max(mostDead, deadMembers(world, residents))
    mustHaveMajority(world, residents)
  }
  world.run(3 * LEASE_TIME)
  for (const { name, now, allocator } of residents) {
    const { leases } = allocator ?? {}
    if (leases?.leasedUntil(now) === undefined)
      world.history.violation(world.queue.now, `${formatPeerName(name)} has no lease`)
  }
  if (deadMembers(world, residents) > 0)
    world.history.violation(world.queue.now, 'hosts that are gone are members')
  world.containers.check(world.running, world.queue.now)
  return { violations: world.history.violations, served, mostDead }
}

function restart(world: World, peer: SimPeer | undefined): void {
  if (peer === undefined) return
  world.crash(peer)
  world.queue.after(world.rng.float() * 4 * SECOND, () => world.start(peer))
}

const deadMembers = (world: World, residents: readonly SimPeer[]): number =>
  Math.max(
    ...residents.map(
      ({ allocator }) =>
        allocator?.leases?.epoch?.members.filter((member) => world.isGone(member)).length ?? 0,
    ),
  )

/** Of those that vote fewer than half are gone, whatever has become of the guests. */
function mustHaveMajority(world: World, residents: readonly SimPeer[]): void {
  for (const { name, allocator } of residents) {
    const voters = allocator?.leases?.epoch?.voters ?? []
    const gone = voters.filter((voter) => world.isGone(voter))
    if (gone.length * 2 >= voters.length && voters.length > 0)
      world.history.violation(
        world.queue.now,
        `${formatPeerName(name)}: ${gone.length} of ${voters.length} voters are gone`,
      )
  }
}
