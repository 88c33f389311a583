import { type Cidr, formatCidr, type Range, rangeSize } from '../lib/ip4.ts'
import type { PeerName } from '../lib/peer-name.ts'
import type { Allocator } from './allocator.ts'
import { FEWEST_MEMBERS, majority } from './lease/epoch.ts'
import { beyond } from './lease/shared.ts'
import { rangeAsCidr } from './range.ts'
import type { ForeignRing } from './replica.ts'
import { type Piece, pieces, type Ring } from './ring.ts'

/** What one peer owns. */
export interface Share {
  readonly peer: PeerName
  readonly nickname: string
  readonly size: number
  /** As the peer last said; exact for ourselves. */
  readonly free: number
  /** The mesh knows it, or it is us. */
  readonly isReachable: boolean
  /** When its space comes back, where it is known; see `LeaseView`. */
  readonly lease: ShareLease | undefined
}

/** What becomes of one owner's space by leases. Times in ms from now on. */
export interface ShareLease {
  readonly state: 'member' | 'departed' | 'outside'
  /** Until when it stands without another renewal, of others by what we have heard; undefined if ours has lapsed or needs none. */
  readonly leasedFor: number | undefined
  /** Of a member that is silent: when its free space is taken. Of a departed one: when the rest is. Undefined if it is not. */
  readonly backIn: number | undefined
}

/** The leases of the network as this peer sees them. */
export interface LeaseView {
  readonly epoch: number
  readonly members: readonly PeerName[]
  /** So many can be reached, us included. */
  readonly reachable: number
  /** Those of the members that grant leases, and so many of them decide. */
  readonly voters: readonly PeerName[]
  readonly votersReachable: number
  readonly majority: number
  readonly leaseTime: number
  readonly holdTime: number
  /** We give nothing out: our lease has lapsed. */
  readonly isLapsed: boolean
  readonly isCloned: boolean
  /** Other hosts know a later state of this one than its disk had. */
  readonly isOutdated: boolean
  /** Other peers whose name two hosts use. */
  readonly doubled: readonly PeerName[]
  /** Why nothing comes back by itself. */
  readonly whyNot: string | undefined
  /** Peers whose clock leases cannot stand, and how much it is off in percent. */
  readonly drifting: ReadonlyMap<PeerName, number>
}

/** Everything that status, report and metrics show. */
export interface IpamSnapshot {
  /** One line, e.g. `awaiting consensus (quorum: 2, known: 1)`. */
  readonly status: string
  readonly range: Range
  readonly defaultSubnet: Cidr
  readonly self: PeerName
  /** Addresses in use in our own space. */
  readonly active: number
  readonly awaiting:
    | { readonly elector: boolean; readonly known: number; readonly quorum: number }
    | undefined
  readonly ring: Ring
  readonly pieces: readonly Piece[]
  /** Ours first, then by size. */
  readonly shares: readonly Share[]
  readonly nicknames: ReadonlyMap<PeerName, string>
  readonly pendingClaims: readonly { readonly ident: string; readonly cidr: Cidr }[]
  readonly pendingAllocates: readonly { readonly ident: string; readonly subnet: Cidr }[]
  readonly foreignRings: readonly ForeignRing[]
  /** Undefined where `--ipalloc-reclaim` is off. */
  readonly leases: LeaseView | undefined
}

export function takeSnapshot(allocator: Allocator, defaultSubnet: Cidr, now = 0): IpamSnapshot {
  const { bootstrap, holdings, nicknames, options, requests } = allocator.view
  const { paxos } = bootstrap
  return {
    status: statusText(allocator),
    range: options.range,
    defaultSubnet,
    self: options.self,
    active: holdings.space.usedCount,
    awaiting: bootstrap.isAwaiting
      ? { elector: paxos !== undefined, known: paxos?.knowledge.length ?? 0, quorum: paxos?.quorum ?? 0 }
      : undefined,
    ring: allocator.ring,
    pieces: pieces(allocator.ring),
    shares: shares(allocator, now),
    nicknames: nicknames.all,
    pendingClaims: requests.claims,
    pendingAllocates: requests.allocates,
    foreignRings: allocator.foreignRings,
    leases: leaseView(allocator, now),
  }
}

function shares(allocator: Allocator, now: number): Share[] {
  const { options, nicknames, holdings } = allocator.view
  const sizes = new Map<PeerName, { size: number; free: number }>()
  for (const piece of pieces(allocator.ring)) {
    const share = sizes.get(piece.peer) ?? { size: 0, free: 0 }
    sizes.set(piece.peer, { ...share, size: share.size + rangeSize(piece) })
  }
  for (const entry of allocator.ring.entries) {
    const share = sizes.get(entry.peer)
    if (share !== undefined) sizes.set(entry.peer, { ...share, free: share.free + entry.free })
  }
  const rank = (share: Share): number => (share.peer === options.self ? Number.POSITIVE_INFINITY : share.size)
  return [...sizes]
    .map(([peer, { size, free }]) => ({
      peer,
      nickname: nicknames.of(peer) ?? '',
      size,
      free: peer === options.self ? holdings.space.freeCount : free,
      isReachable: allocator.isKnown(peer),
      lease: shareLease(allocator, peer, now),
    }))
    .sort((a, b) => rank(b) - rank(a) || a.peer - b.peer)
}

function leaseView(allocator: Allocator, now: number): LeaseView | undefined {
  const { leases } = allocator
  if (leases === undefined) return undefined
  const { epoch, isCloned, isOutdated, drifting } = leases
  const { members, voters } = epoch === undefined || epoch.number === 0 ? { members: [], voters: [] } : epoch
  const reachable = (peers: readonly PeerName[]): number =>
    peers.filter((peer) => allocator.isKnown(peer)).length
  return {
    epoch: epoch?.number ?? 0,
    members,
    reachable: reachable(members),
    voters,
    votersReachable: reachable(voters),
    majority: epoch === undefined ? 0 : majority(epoch),
    leaseTime: epoch?.leaseTime ?? 0,
    holdTime: epoch?.holdTime ?? 0,
    isLapsed: leases.isRestricted && leases.leasedUntil(now) === undefined,
    isCloned,
    isOutdated,
    doubled: leases.doubled(now),
    whyNot: leases.whyNot(),
    drifting,
  }
}

function shareLease(allocator: Allocator, peer: PeerName, now: number): ShareLease | undefined {
  const { leases } = allocator
  const epoch = leases?.epoch
  if (leases === undefined || epoch === undefined || epoch.number === 0) return undefined
  const left = (at: number): number | undefined => (Number.isFinite(at) ? Math.max(at - now, 0) : undefined)
  if (peer === allocator.view.options.self) {
    const until = leases.isRestricted ? leases.leasedUntil(now) : undefined
    return {
      state: leases.isMember ? 'member' : 'outside',
      leasedFor: until === undefined ? undefined : until - now,
      backIn: undefined,
    }
  }
  const back = (at: number): number | undefined => (leases.isReclaimed(peer) ? left(at) : undefined)
  if (epoch.members.includes(peer)) {
    const silentFrom = leases.silentFrom(peer)
    const until = silentFrom - beyond(epoch.leaseTime) + epoch.leaseTime
    return {
      state: 'member',
      leasedFor: epoch.members.length < FEWEST_MEMBERS ? undefined : left(until),
      backIn: allocator.isKnown(peer) ? undefined : back(silentFrom),
    }
  }
  if (epoch.leases.has(peer))
    return { state: 'departed', leasedFor: undefined, backIn: back(leases.forfeitsFrom(peer)) }
  return { state: 'outside', leasedFor: undefined, backIn: undefined }
}

/** The first that applies (ipam §15). */
function statusText(allocator: Allocator): string {
  const { bootstrap, requests } = allocator.view
  const { paxos } = bootstrap
  if (allocator.ring.entries.length > 0) {
    if (!allocator.ring.entries.some((entry) => allocator.isKnown(entry.peer)))
      return "all IP ranges owned by unreachable peers - use 'rmpeer' if they are dead"
    return requests.allocates.length > 0 ? 'waiting for IP(s) to become available' : 'ready'
  }
  if (!bootstrap.isAwaiting) return 'idle'
  if (paxos === undefined) return 'priming'
  return `awaiting consensus (quorum: ${paxos.quorum}, known: ${paxos.knowledge.length})`
}

/** What is wrong with the network's rings and what to do about it, a paragraph for each peer; empty when nothing is. */
export const conflictAdvice = (snapshot: IpamSnapshot): string[] => [
  ...leaseAdvice(snapshot),
  ...snapshot.foreignRings.map(({ peer, conflict }) => {
    const who = snapshot.nicknames.get(peer) ?? 'a peer'
    switch (conflict.kind) {
      case 'other-seeds':
        return `${conflict.text}. The two sides give out the same addresses: 'weave ipam' shows them, 'weave ipam adopt ${who}' changes to the other one; run it on every host of one side, one after the other. (Old peers: 'weave reset', then launch them with the other side's peers.)`
      case 'other-range':
        return `${conflict.text}. Launch all hosts with the same --ipalloc-range, here ${rangeAsCidr(snapshot.range)}; 'weave reset' first on those that change.`
      case 'owned-by-us':
        return `${conflict.text}. Somebody ran 'weave rmpeer' for a peer that was alive, or it came back with old data: run 'weave reset' on one of the two hosts.`
      case 'malformed':
        return `${who} sends a damaged ring: ${conflict.text}. Run 'weave reset' there.`
      default:
        return conflict.kind satisfies never
    }
  }),
]

function leaseAdvice({ leases, nicknames }: IpamSnapshot): string[] {
  if (leases === undefined) return []
  const advice: string[] = []
  if (leases.isCloned)
    advice.push(
      "another host uses the name of this one (a cloned machine?) and its addresses: no addresses are given out here. Run 'weave reset' on one of the two, launch it with another --name, and launch the other one again.",
    )
  else if (leases.isLapsed)
    advice.push(
      "our lease has lapsed: a majority of the hosts that vote cannot be reached, so that no addresses are given out. If they are gone for good: 'weave rmpeer --force NAME...' on one host.",
    )
  if (leases.isOutdated)
    advice.push(
      "the state directory of this host was older than what the others know of it (deleted, restored from a backup, or a cloned machine's): what it had given out since stays held. Restart containers here whose addresses 'weave ps' does not list.",
    )
  for (const peer of leases.doubled)
    advice.push(
      `two hosts use the name of ${nicknames.get(peer) ?? 'a peer'} (a cloned machine?): neither gives out addresses. Run 'weave reset' on one of them, launch it with another --name, and launch the other one again.`,
    )
  for (const [peer, percent] of leases.drifting)
    advice.push(
      `the clock of ${nicknames.get(peer) ?? 'a peer'} is off by ${percent} %, more than leases can stand: repair it, or launch with --ipalloc-reclaim=off.`,
    )
  return advice
}

/** Why a request has to wait, for whoever gives up waiting. */
export function explainWait(allocator: Allocator, subnet: Cidr): string {
  const { holdings } = allocator.view
  if (allocator.ring.entries.length === 0) return statusText(allocator)
  const unreachable = shares(allocator, 0).filter((share) => !share.isReachable)
  const others = unreachable.map((share) => share.nickname || 'an unknown peer').join(', ')
  if (allocator.leases?.isRestricted === true && holdings.space.permitted?.length === 0)
    return 'our lease has lapsed: a majority of the hosts that vote on leases cannot be reached'
  const used = `no free address in ${formatCidr(subnet)}: ${holdings.space.usedCount} of ours in use, none to be had from other peers`
  return others === ''
    ? used
    : `${used}; ${others} cannot be reached - 'weave rmpeer' returns the space of dead hosts`
}
