import { isPlaceholder, type PeerDescription } from './peer.ts'

/**
 * 64 bits over the identity and version of every described peer, in any order. Two neighbours with equal digests hold
 * the same topology; it is no protection against forgery, any member may gossip what it likes anyway.
 */
export class TopologyDigest {
  #high = 0
  #low = 0

  /** Adds a peer, or takes it out again: the same operation. */
  toggle(peer: PeerDescription): void {
    if (isPlaceholder(peer)) return
    this.#high ^= hashOf(peer, 0x2545f491)
    this.#low ^= hashOf(peer, 0x6c078965)
  }

  get value(): bigint {
    return (BigInt(this.#high >>> 0) << 32n) | BigInt(this.#low >>> 0)
  }
}

/** Multiply and rotate per word, then an avalanche, so that close versions give unrelated values. */
function hashOf({ name, uid, version }: PeerDescription, seed: number): number {
  let hash = mix(mix(seed, name % 2 ** 32), Math.floor(name / 2 ** 32))
  hash = mix(mix(hash, Number(uid & 0xffffffffn)), Number(uid >> 32n))
  hash = mix(mix(hash, Number(version & 0xffffffffn)), Number(version >> 32n))
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b)
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35)
  return hash ^ (hash >>> 16)
}

function mix(hash: number, word: number): number {
  const mixed = Math.imul(hash ^ word, 0xcc9e2d51)
  return Math.imul((mixed << 15) | (mixed >>> 17), 0x1b873593)
}
