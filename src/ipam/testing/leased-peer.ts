import { cidrRange, parseCidr } from '../../lib/ip4.ts'
import type { PeerName } from '../../lib/peer-name.ts'
import { seededRng } from '../../lib/rng.ts'
import { Allocator } from '../allocator.ts'

/** For tests: what three peers share, with leases of a minute. */
export const SUBNET = parseCidr('10.32.0.0/26')
export const RANGE = cidrRange(SUBNET)
export const RECLAIM = { leaseTime: 60_000, holdTime: 120_000 }
export const [A, B, C] = [0x0200_0000_000a, 0x0200_0000_000b, 0x0200_0000_000c] as PeerName[] as [
  PeerName,
  PeerName,
  PeerName,
]

/** For tests: A's allocator, not yet started; `isKnown`: whom it reaches. */
export function leasedPeer(isKnown: (peer: PeerName) => boolean): Allocator {
  const options = {
    self: A,
    nickname: 'a',
    uid: 1n,
    range: RANGE,
    init: { kind: 'consensus', peers: 3 },
    reclaim: RECLAIM,
  } as const
  return new Allocator(options, { rng: seededRng(1), wall: () => 0, quorum: () => 2, isKnown })
}
