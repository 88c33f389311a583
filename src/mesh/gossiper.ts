import type { PeerName } from '../lib/peer-name.ts'

/** State on its way to neighbours. Merging keeps a sender's queue at one item however slow the neighbour. */
export interface GossipData {
  merge(other: GossipData): GossipData
  /** One payload per protocol message; called when the message is about to be written, not before. */
  encode(): readonly Uint8Array[]
}

/**
 * The owner of a gossip channel. A `WireError` thrown by any of these tears down the connection that the
 * payload came from, with that text as the reason (spec/mesh.md §13.1).
 */
export interface Gossiper {
  onUnicast(source: PeerName, payload: Uint8Array): void
  /** What to relay along the originator's broadcast tree, if anything. */
  onBroadcast(source: PeerName, payload: Uint8Array): GossipData | undefined
  /** What is new to us and goes on to random neighbours, if anything. */
  onGossip(payload: Uint8Array): GossipData | undefined
  /** The complete state, sent to new neighbours and periodically. */
  complete(): GossipData | undefined
}

/** What the owner of a channel may do with it. */
export interface GossipChannel {
  /** Undefined when sent, else why not: no route or no connection (texts: spec/mesh.md §13.4). */
  unicast(destination: PeerName, payload: Uint8Array): string | undefined
  broadcast(data: GossipData): void
  /** To a random subset of the neighbours (spec/mesh.md §13.2). */
  neighbourSubset(data: GossipData): void
}
