import type { Range } from '../lib/ip4.ts'
import { type PeerName, UNKNOWN_PEER } from '../lib/peer-name.ts'
import type { Rng } from '../lib/rng.ts'
import { entryAt, type Ring, splitAtOrigin } from './ring.ts'

/**
 * Whom to ask for space inside `range`, best first: a draw weighted by their free counts, so that not everybody
 * asks the same peer. Old peers never ask for the piece below the first token; we do (ipam §3).
 */
export function donors(ring: Ring, range: Range, rng: Rng): PeerName[] {
  const free = new Map<PeerName, number>()
  for (const [i, entry] of ring.entries.entries()) {
    if (entry.free === 0 || entry.peer === ring.peer || entry.peer === UNKNOWN_PEER) continue
    const piece = splitAtOrigin(ring, entry.token, entryAt(ring, i + 1).token)
    if (!piece.some((part) => part.start < range.end && range.start < part.end)) continue
    free.set(entry.peer, (free.get(entry.peer) ?? 0) + entry.free)
  }
  return [...free]
    .map(([peer, count]) => ({ peer, draw: count * rng.float() }))
    .sort((a, b) => b.draw - a.draw)
    .map(({ peer }) => peer)
}

/** The first owner other than us that suits. */
export const firstOwner = (ring: Ring, suits: (peer: PeerName) => boolean): PeerName | undefined =>
  ring.entries.find((entry) => entry.peer !== ring.peer && entry.peer !== UNKNOWN_PEER && suits(entry.peer))
    ?.peer
