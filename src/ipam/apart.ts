import { type Cidr, rangeContains, rangeSize } from '../lib/ip4.ts'
import { type PeerName, UNKNOWN_PEER } from '../lib/peer-name.ts'
import type { Owned } from './holdings.ts'
import { rangeAsCidr } from './range.ts'
import type { ForeignRing } from './replica.ts'
import { distance, entryAt, indexBelow, owners, pieces, type Ring } from './ring.ts'
import { mergeRing } from './ring-merge.ts'

/** One of the rings that peers of the mesh hold, as far as it is known here. */
export interface Side {
  readonly ring: Ring
  /** Who owns a part of it or says that it is its own ring; in order of name. */
  readonly peers: readonly PeerName[]
}

/** What becomes of an address that is in use here when the ring is given up for another one. */
export interface Move {
  readonly ident: string
  readonly cidr: Cidr
  /** Of the other ring; undefined for an address outside of the range, which nobody divides. */
  readonly owner: PeerName | undefined
  /** As the owner last said: `unknown` if only part of its piece is free. */
  readonly there: 'free' | 'taken' | 'unknown'
}

/** Our side first, then the others; one alone where all peers have one ring. Rings of other ranges count as others. */
export function sides(ours: Ring, foreign: readonly ForeignRing[]): Side[] {
  const others = new Map<string, Side>()
  for (const { ring, conflict } of foreign) {
    if (conflict.kind !== 'other-seeds' && conflict.kind !== 'other-range') continue
    const key = `${ring.start}-${ring.end} ${ring.seeds.join(' ')}`
    others.set(key, joined(others.get(key), ring))
  }
  return [{ ring: ours, peers: sorted([ours.peer, ...owners(ours)]) }, ...others.values()]
}

/** The ring that the peer holds, if it was seeded apart from ours. */
export const sideOf = (all: readonly Side[], peer: PeerName): Side | undefined =>
  all.slice(1).find(({ peers }) => peers.includes(peer))

function joined(known: Side | undefined, ring: Ring): Side {
  const peers = sorted([...(known?.peers ?? []), ring.peer, ...owners(ring)])
  // Merged by somebody who owns nothing: there is nothing to lose, so that no ring is refused.
  const outside = { ...(known?.ring ?? ring), peer: UNKNOWN_PEER }
  const merged = mergeRing(outside, ring, () => false)
  return { ring: merged.conflict === undefined ? merged.ring : outside, peers }
}

const sorted = (peers: readonly PeerName[]): PeerName[] => [...new Set(peers)].sort((a, b) => a - b)

/** Why the side cannot be made ours; undefined if it can. */
export function adoptionFault(
  ours: Ring,
  side: Side | undefined,
  isKnown: (peer: PeerName) => boolean,
): string | undefined {
  if (side === undefined) return 'that peer has the same ring as this host, or none that is known here'
  if (side.ring.start !== ours.start || side.ring.end !== ours.end)
    return `its range is ${rangeAsCidr(side.ring)}, ours ${rangeAsCidr(ours)}: launch with the same --ipalloc-range`
  if (!owners(side.ring).some((owner) => owner !== ours.peer && isKnown(owner)))
    return 'nobody who owns addresses there can be reached'
  return undefined
}

/** What would become of everything in use here under the other ring. */
export const movesTo = (ring: Ring, self: PeerName, held: ReadonlyMap<string, Owned>): Move[] =>
  [...held].flatMap(([ident, { cidrs }]) => cidrs.map((cidr) => moveTo(ring, self, ident, cidr)))

function moveTo(ring: Ring, self: PeerName, ident: string, cidr: Cidr): Move {
  if (!rangeContains(ring, cidr.addr)) return { ident, cidr, owner: undefined, there: 'free' }
  const index = indexBelow(ring.entries, cidr.addr)
  const { peer, free, token } = entryAt(ring, index)
  const size = distance(ring, token, entryAt(ring, index + 1).token)
  const there = peer === self || free >= size ? 'free' : free === 0 ? 'taken' : 'unknown'
  return { ident, cidr, owner: peer, there }
}

/** Addresses that each owner has in the ring, and how many of them it says are free. */
export function shareOut(
  ring: Ring,
): ReadonlyMap<PeerName, { readonly size: number; readonly free: number }> {
  const shares = new Map<PeerName, { size: number; free: number }>()
  const of = (peer: PeerName): { size: number; free: number } => shares.get(peer) ?? { size: 0, free: 0 }
  for (const piece of pieces(ring))
    shares.set(piece.peer, { ...of(piece.peer), size: of(piece.peer).size + rangeSize(piece) })
  for (const { peer, free } of ring.entries) shares.set(peer, { ...of(peer), free: of(peer).free + free })
  return shares
}
