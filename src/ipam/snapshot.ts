import { type Cidr, formatCidr, type Range, rangeSize } from '../lib/ip4.ts'
import type { PeerName } from '../lib/peer-name.ts'
import type { Allocator } from './allocator.ts'
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
}

export function takeSnapshot(allocator: Allocator, defaultSubnet: Cidr): IpamSnapshot {
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
    shares: shares(allocator),
    nicknames: nicknames.all,
    pendingClaims: requests.claims,
    pendingAllocates: requests.allocates,
    foreignRings: allocator.foreignRings,
  }
}

function shares(allocator: Allocator): Share[] {
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
    }))
    .sort((a, b) => rank(b) - rank(a) || a.peer - b.peer)
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
export const conflictAdvice = (snapshot: IpamSnapshot): string[] =>
  snapshot.foreignRings.map(({ peer, conflict }) => {
    const who = snapshot.nicknames.get(peer) ?? 'a peer'
    switch (conflict.kind) {
      case 'other-seeds':
        return `${conflict.text}. The two sides give out the same addresses: run 'weave reset' on the hosts of the smaller side and launch them with the other side's peers, e.g. 'weave launch ${who}'.`
      case 'other-range':
        return `${conflict.text}. Launch all hosts with the same --ipalloc-range, here ${rangeAsCidr(snapshot.range)}; 'weave reset' first on those that change.`
      case 'owned-by-us':
        return `${conflict.text}. Somebody ran 'weave rmpeer' for a peer that was alive, or it came back with old data: run 'weave reset' on one of the two hosts.`
      case 'malformed':
        return `${who} sends a damaged ring: ${conflict.text}. Run 'weave reset' there.`
      default:
        return conflict.kind satisfies never
    }
  })

/** Why a request has to wait, for whoever gives up waiting. */
export function explainWait(allocator: Allocator, subnet: Cidr): string {
  const { holdings } = allocator.view
  if (allocator.ring.entries.length === 0) return statusText(allocator)
  const unreachable = shares(allocator).filter((share) => !share.isReachable)
  const others = unreachable.map((share) => share.nickname || 'an unknown peer').join(', ')
  const used = `no free address in ${formatCidr(subnet)}: ${holdings.space.usedCount} of ours in use, none to be had from other peers`
  return others === ''
    ? used
    : `${used}; ${others} cannot be reached - 'weave rmpeer' returns the space of dead hosts`
}
