import type { PeerName } from '../lib/peer-name.ts'

/** Trees that news of many peers shares. */
export const SHARED_TREES = 4
/** In a smaller network everybody's news travels along a tree of its own, however much there is. */
const SMALL = 32

/**
 * Along whose tree news of a peer travels while there is news of many; undefined: along that of whoever brings it up.
 * `peers` ascend. The lowest names are no better than others, but all agree on them, and so what many peers tell within
 * a short time leaves as one message for each neighbour and tree, instead of one for each peer.
 */
export function sharedRoot(peer: PeerName, peers: readonly PeerName[]): PeerName | undefined {
  if (peers.length <= SMALL) return undefined
  return peers[mixed(peer) % SHARED_TREES]
}

/** Names that count up, as those of cloned machines do, come out spread evenly as well. */
function mixed(peer: PeerName): number {
  let hash = Math.imul(peer % 2 ** 32, 0x9e3779b1) ^ Math.imul(Math.floor(peer / 2 ** 32), 0x85ebca6b)
  hash = Math.imul(hash ^ (hash >>> 15), 0xc2b2ae35)
  return (hash ^ (hash >>> 16)) >>> 0
}
