import type { PeerName } from '../lib/peer-name.ts'
import type { GossipData } from './gossiper.ts'
import { isPlaceholder } from './peer.ts'
import type { Peers } from './peers.ts'
import { encodeTopologyParts } from './topology-payload.ts'

/** Names whose newest descriptions a neighbour shall get: looked up when sent, so that nothing old is (mesh §10.2). */
export class TopologyData implements GossipData {
  readonly #peers: Peers
  readonly names: ReadonlySet<PeerName>
  #encoded: { readonly revision: number; readonly parts: readonly Uint8Array[] } | undefined

  constructor(peers: Peers, names: Iterable<PeerName>) {
    this.#peers = peers
    this.names = new Set(names)
  }

  /** The whole table. */
  static complete(peers: Peers): TopologyData {
    return new TopologyData(
      peers,
      Array.from(peers, ({ name }) => name),
    )
  }

  merge(other: GossipData): GossipData {
    if (!(other instanceof TopologyData)) return this
    return new TopologyData(this.#peers, [...this.names, ...other.names])
  }

  encode(): readonly Uint8Array[] {
    // One round of gossip goes to several neighbours: what did not change meanwhile is encoded once.
    if (this.#encoded?.revision !== this.#peers.revision) {
      this.#encoded = { revision: this.#peers.revision, parts: this.#encodeNow() }
    }
    return this.#encoded.parts
  }

  #encodeNow(): Uint8Array[] {
    const known = [...this.names].flatMap((name) => this.#peers.get(name) ?? [])
    return encodeTopologyParts(known.filter((peer) => !isPlaceholder(peer)))
  }
}
