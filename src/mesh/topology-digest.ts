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
    const words = [
      peer.name % 2 ** 32,
      Math.floor(peer.name / 2 ** 32),
      Number(peer.uid & 0xffffffffn),
      Number(peer.uid >> 32n),
      Number(peer.version & 0xffffffffn),
      Number(peer.version >> 32n),
    ]
    this.#high ^= mix(words, 0x2545f491)
    this.#low ^= mix(words, 0x6c078965)
  }

  get value(): bigint {
    return (BigInt(this.#high >>> 0) << 32n) | BigInt(this.#low >>> 0)
  }
}

/** Multiply and rotate per word, then an avalanche, so that close versions give unrelated values. */
function mix(words: readonly number[], seed: number): number {
  let hash = seed
  for (const word of words) {
    hash = Math.imul(hash ^ word, 0xcc9e2d51)
    hash = Math.imul((hash << 15) | (hash >>> 17), 0x1b873593)
  }
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b)
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35)
  return hash ^ (hash >>> 16)
}
