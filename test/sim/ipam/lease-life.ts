import { departed, FEWEST_MEMBERS, majority } from '../../../src/ipam/lease/epoch.ts'
import { difference } from '../../../src/ipam/lease/lease.ts'
import { NO_PROMISES } from '../../../src/ipam/promises.ts'
import type { AllocatorEvent } from '../../../src/ipam/request.ts'
import { ownedRanges } from '../../../src/ipam/ring.ts'
import type { Ip4 } from '../../../src/lib/ip4.ts'
import { formatPeerName, type PeerName } from '../../../src/lib/peer-name.ts'
import { seededRng } from '../../../src/lib/rng.ts'
import type { IpamCode } from './code.ts'
import type { Disk, SimPeer } from './peer.ts'
import type { Outcome } from './scenario.ts'
import { World } from './world.ts'

const SECOND = 1000
const MINUTE = 60 * SECOND
const LEASE_TIME = MINUTE
const HOLD_TIME = 8 * MINUTE
/** Of the clocks: half of the bound either way is the whole bound against each other. */
const DRIFT = 0.005
/** At peace: whoever comes back later than this would be looked at before it can be a member. */
const LAST_RETURN = 6 * LEASE_TIME

export interface LeaseLifeOptions {
  readonly code: IpamCode
  readonly minutes: number
  readonly maxPeers: number
  /** A planted fault of clocks: by how much they may differ, where it is not what leases stand. */
  readonly drift?: number
  /** Hosts are cut off while they start many containers. */
  readonly bursts?: boolean
  /**
   * A host's disk is set back to what it was some time ago, or wiped: a backup, or one of two that take turns (a cloned
   * machine). One host in each life, and none of the others is away for long meanwhile, as docs/ipam.md assumes.
   */
  readonly restores?: boolean
  readonly event?: (peer: PeerName, event: AllocatorEvent, at: number) => void
}

/**
 * A network's life with leases: what `scenario.ts` does to it, and hosts that vanish for good, join late, are suspended,
 * come back after the reclaim with their old disk among whoever is there, with clocks that drift.
 */
export function runLeaseLife(seed: number, options: LeaseLifeOptions): Outcome {
  const rng = seededRng(seed)
  const peers = 3 + rng.below(options.maxPeers - 2)
  const world = new World({
    code: options.code,
    rng,
    peers,
    subnet: { addr: 0x0a20_0000 as Ip4, prefixLen: 22 + rng.below(5) },
    init: (names) =>
      rng.below(3) === 0
        ? { kind: 'seed', peers: names.slice(0, Math.max(1, names.length >> 1)) }
        : { kind: 'consensus', peers: names.length },
    loss: rng.float() * 0.05,
    writeFaults: rng.below(2) * 0.02,
    persistLate: false,
    withoutConsent: false,
    unannounced: true,
    reclaim: { leaseTime: LEASE_TIME, holdTime: HOLD_TIME },
    event: options.event,
  })
  const drift = options.drift ?? DRIFT
  for (const peer of world.peers) peer.rate = 1 + (rng.float() * 2 - 1) * drift
  const first = Math.max(3, (world.peers.length >> 1) + 1)
  for (const [i, peer] of world.peers.entries()) {
    const delay = i < first ? rng.float() * 5000 : rng.float() * 15 * MINUTE
    world.queue.after(delay, () => world.start(peer))
  }

  const setBacks: SetBacks = { of: undefined, backup: undefined, calmUntil: 0 }
  let until = 0
  while (until < options.minutes * MINUTE) {
    const pause = rng.float() * 5000
    until += pause
    world.run(pause)
    disturb(world, setBacks, options.minutes * MINUTE + LAST_RETURN)
    if (options.bursts === true && rng.below(20) === 0) burst(world)
    if (options.restores === true && rng.below(12) === 0) setBack(world, setBacks)
    if (rng.below(8) === 0) world.containers.check(world.running, world.queue.now)
  }
  makePeace(world)
  return { violations: world.history.violations, answers: world.history.answers }
}

function disturb(world: World, { calmUntil }: SetBacks, lastReturn: number): void {
  const { rng } = world
  const peer = world.pick(world.alive.filter((one) => one.isUp))
  if (peer === undefined) return
  const dice = rng.below(200)
  if (dice < 110) world.allocate(peer)
  else if (dice < 160) world.release(peer)
  else if (dice < 170) world.claim(peer)
  else if (dice < 178) {
    world.crash(peer)
    const isCalm = world.queue.now < calmUntil
    world.queue.after(rng.float() * rng.below(isCalm ? 10 : 120) * SECOND, () => world.start(peer))
  } else if (world.queue.now < calmUntil) world.heal()
  else if (dice < 181) {
    world.partition(1 + rng.below(3))
    world.queue.after(rng.float() * 2 * LEASE_TIME, () => world.heal())
  } else if (dice < 183) peer.suspend(rng.float() * 3 * LEASE_TIME)
  else if (dice < 185 && world.alive.length > 3) vanish(world, peer, lastReturn)
  else world.heal()
}

/** A host that is cut off from all others starts more containers than it has addresses in reserve. */
function burst(world: World): void {
  const { rng } = world
  const peer = world.pick(world.running)
  if (peer === undefined) return
  world.split((other) => (other === peer ? 1 : 0))
  for (let i = 0; i < 40; i++) world.queue.after(rng.float() * 20 * SECOND, () => world.allocate(peer))
  world.queue.after((0.5 + 2 * rng.float()) * LEASE_TIME, () => world.heal())
}

interface SetBacks {
  /** Whom it happens to. */
  of: SimPeer | undefined
  backup: Readonly<Disk> | undefined
  /** Until then those who know better are there, or back soon. */
  calmUntil: number
}

const EMPTY_DISK: Readonly<Disk> = { ring: undefined, promises: NO_PROMISES, owned: new Map() }

/** Takes a copy of a host's disk; where there is one, switches the host off and on again with it in place of its disk. */
function setBack(world: World, setBacks: SetBacks): void {
  const { rng, queue } = world
  const peer = setBacks.of ?? world.pick(world.running)
  const { leases } = peer?.allocator ?? {}
  // A disk from before the leases began, or from a network of two, knows of nothing that it is bound to (docs/ipam.md).
  if (peer === undefined || leases?.isRestricted !== true || leases.epoch === undefined) return
  const voters = world.peers.filter(({ name }) => leases.epoch?.voters.includes(name))
  if (voters.some((voter) => world.isGone(voter.name) || voter.isSuspended)) return
  setBacks.of = peer

  const { ring, promises, owned } = peer.disk
  const { backup } = setBacks
  setBacks.backup = { ring, promises, owned: new Map(owned) }
  if (backup === undefined) return
  setBacks.calmUntil = queue.now + 1.2 * LEASE_TIME
  const disk = rng.below(4) === 0 ? EMPTY_DISK : backup
  // With nothing on its disk a seed starts as it did first, and gives out addresses unless it meets somebody (docs/ipam.md).
  const isAsNew = disk === EMPTY_DISK && peer.allocator?.view.options.init.kind === 'seed'
  queue.after(isAsNew ? 0 : LEASE_TIME / 3, () => {
    for (const one of world.alive) world.start(one)
    world.heal()
  })
  world.rollBack(peer, disk)
}

function vanish(world: World, peer: SimPeer, lastReturn: number): void {
  const { rng } = world
  world.vanish(peer)
  const fate = rng.below(4)
  if (fate === 0)
    world.queue.after(rng.float() * 60_000, () => {
      const operator = world.pick(world.running)
      // Where leases have not begun yet, a removed host that comes back unannounced is not held off.
      if (operator?.allocator?.leases?.governs(peer.name) === true) world.remove(operator, peer)
    })
  if (fate <= 1)
    world.queue.after(rng.float() * 12 * MINUTE, () => {
      if (world.queue.now < lastReturn) world.comeBack(peer)
    })
}

/** Everybody who is left can talk: what the dead left is there for all, within the stated time. */
function makePeace(world: World): void {
  const { history } = world
  const settle = (ms: number): void => {
    for (let i = 0; i < 6; i++) {
      world.heal()
      world.run(ms / 6)
    }
  }
  for (const peer of world.alive) world.start(peer)
  settle(4 * LEASE_TIME)
  forceIfLost(world)
  settle(4 * LEASE_TIME)
  world.containers.check(world.running, world.queue.now)

  const peers = world.running
  const epochsOf = (): Set<number> =>
    new Set(peers.map(({ allocator }) => allocator?.leases?.epoch?.number ?? 0))
  // One may have begun at this moment.
  if (epochsOf().size > 1) world.run(5 * SECOND)
  const epochs = epochsOf()
  if (epochs.size > 1) history.violation(world.queue.now, `epochs ${[...epochs].join(', ')} at peace`)
  const hasBegun = !epochs.has(0) && peers.length >= FEWEST_MEMBERS
  for (const { name, allocator } of peers) {
    const { leases } = allocator ?? {}
    if (!hasBegun || leases === undefined || leases.epoch === undefined || allocator === undefined) continue
    const who = formatPeerName(name)
    if (!leases.isMember) history.violation(world.queue.now, `${who} is no member at peace`)
    if (
      leases.isRestricted &&
      leases.leasedUntil(world.peers.find((one) => one.name === name)?.now ?? 0) === undefined
    )
      history.violation(world.queue.now, `${who} has no lease at peace`)
    if (leases.epoch.members.length < FEWEST_MEMBERS) continue
    for (const member of leases.epoch.members)
      if (world.isGone(member))
        history.violation(world.queue.now, `${formatPeerName(member)} is gone and a member`)
    for (const dead of departed(leases.epoch)) {
      const lease = leases.epoch.leases.get(dead)
      const loose = difference(ownedRanges(allocator.ring, dead), lease?.held ?? [], lease?.out ?? [])
      if (loose.length > 0)
        history.violation(world.queue.now, `free space of ${formatPeerName(dead)} is not back`)
    }
  }

  for (const peer of peers) world.allocate(peer, 10 * MINUTE)
  settle(2 * MINUTE)
  const waits = peers.reduce(
    (sum, { allocator }) => sum + (allocator?.view.requests.allocates.length ?? 0),
    0,
  )
  const { start, end } = { start: 1, end: 0xffff_ffff }
  const free = peers.reduce(
    (sum, { allocator }) => sum + (allocator?.view.holdings.space.freeWithin({ start, end }) ?? 0),
    0,
  )
  // A host may own as many single addresses as there are reserved ones.
  if (waits > 0 && free > 2 * peers.length)
    history.violation(world.queue.now, `${waits} requests wait, ${free} are free`)
  world.containers.check(world.running, world.queue.now)
  if (hasBegun) {
    const rings = new Set(
      peers.map(({ allocator }) =>
        JSON.stringify(allocator?.ring.entries.map(({ token, peer }) => [token, peer])),
      ),
    )
    if (rings.size > 1) history.violation(world.queue.now, `${rings.size} different rings at peace`)
  }
}

/** A majority that is dead for good: an operator says so, on one host. */
function forceIfLost(world: World): void {
  const operator = world.running
    .toSorted((a, b) => (b.allocator?.leases?.epoch?.number ?? 0) - (a.allocator?.leases?.epoch?.number ?? 0))
    .toSorted((a, b) => Number(b.allocator?.leases?.isMember) - Number(a.allocator?.leases?.isMember))[0]
  const epoch = operator?.allocator?.leases?.epoch
  if (operator === undefined || epoch === undefined) return
  const living = epoch.voters.filter((voter) => !world.isGone(voter))
  if (living.length >= majority(epoch)) return
  for (const member of epoch.members) {
    const dead = world.peers.find(({ name }) => name === member)
    if (dead !== undefined && world.isGone(member)) world.remove(operator, dead, true)
  }
}
