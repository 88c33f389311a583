import { bytes, GobDecoder, GobEncoder, string, uint64 } from '../gob/gob.ts'
import { type PeerName, peerName } from '../lib/peer-name.ts'

/** First byte of every message (mesh §8). 1..3 are overlay control of peers without an `Overlays` feature. */
export const Tag = {
  heartbeat: 0,
  compatEstablished: 1,
  compatFragmentation: 2,
  compatMtuVerified: 3,
  gossip: 4,
  gossipUnicast: 5,
  gossipBroadcast: 6,
  overlayControl: 7,
} as const

/*
 * Gossip headers: one gob stream of basic values, hence without type descriptors (mesh §7.5, §8)
 *
 *   tag 4   channel string | source uint | payload []byte          source: the neighbour that sends
 *   tag 5   channel string | source uint | destination uint | payload []byte
 *   tag 6   channel string | source uint | payload []byte          source: the originator
 */

/** To a neighbour (tag 4), or along the tree of its originator (tag 6). */
export interface Gossip {
  readonly channel: string
  readonly source: PeerName
  readonly payload: Uint8Array
}

export interface GossipUnicast extends Gossip {
  readonly destination: PeerName
}

/** Payload of a message with tag 4 or 6. */
export function encodeGossip(gossip: Gossip): Uint8Array {
  return new GobEncoder()
    .write(string, gossip.channel)
    .write(uint64, BigInt(gossip.source))
    .write(bytes, gossip.payload)
    .take()
}

/** Payload of a message with tag 4 or 6; throws `WireError`. The gossip payload is a view of the input. */
export function decodeGossip(message: Uint8Array): Gossip {
  const decoder = new GobDecoder(message)
  const channel = decoder.expect(string)
  const source = peerName(decoder.expect(uint64))
  return { channel, source, payload: decoder.expect(bytes) }
}

/** Payload of a message with tag 5. */
export function encodeGossipUnicast(gossip: GossipUnicast): Uint8Array {
  return new GobEncoder()
    .write(string, gossip.channel)
    .write(uint64, BigInt(gossip.source))
    .write(uint64, BigInt(gossip.destination))
    .write(bytes, gossip.payload)
    .take()
}

/** Payload of a message with tag 5; throws `WireError`. The gossip payload is a view of the input. */
export function decodeGossipUnicast(message: Uint8Array): GossipUnicast {
  const decoder = new GobDecoder(message)
  const channel = decoder.expect(string)
  const source = peerName(decoder.expect(uint64))
  const destination = peerName(decoder.expect(uint64))
  return { channel, source, destination, payload: decoder.expect(bytes) }
}
