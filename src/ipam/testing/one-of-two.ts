import { cidrRange, parseCidr } from '../../lib/ip4.ts'
import type { PeerName } from '../../lib/peer-name.ts'
import { seededRng } from '../../lib/rng.ts'
import { Allocator } from '../allocator.ts'

/** For tests: the allocator, not yet started, of one of two peers that share 10.32.0.0/28. */
export function oneOfTwo(self: PeerName, nickname: string): Allocator {
  const options = {
    self,
    nickname,
    uid: 1n,
    range: cidrRange(parseCidr('10.32.0.0/28')),
    init: { kind: 'consensus', peers: 2 } as const,
  }
  return new Allocator(options, { rng: seededRng(1), quorum: () => 2, isKnown: () => true })
}
