import type { PeerName } from '../lib/peer-name.ts'
import { firstOwner } from './ring-donors.ts'
import type { AllocatorState } from './state.ts'

/**
 * Who gets everything that a leaving peer owns (ipam §12): an owner within reach, or anybody within reach, or an owner
 * that is not; undefined if it knows nobody.
 */
export function heirOf({ nicknames, options, ring, world }: AllocatorState): PeerName | undefined {
  const isReachable = (peer: PeerName): boolean => world.isKnown(peer)
  const others = [...nicknames.all.keys()].filter((peer) => peer !== options.self)
  return (
    firstOwner(ring, isReachable) ?? others.find(isReachable) ?? firstOwner(ring, () => true) ?? others[0]
  )
}
