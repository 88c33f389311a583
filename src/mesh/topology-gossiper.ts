import { WireError } from '../lib/errors.ts'
import type { PeerName } from '../lib/peer-name.ts'
import type { GossipData, Gossiper } from './gossiper.ts'
import { isPlaceholder, type PeerDescription } from './peer.ts'
import type { Applied, Peers } from './peers.ts'
import { TopologyData } from './topology-data.ts'
import { decodeTopology } from './topology-payload.ts'

export const TOPOLOGY_CHANNEL = 'topology'

/** Bytes of a message that an error text shows. */
const MAX_SHOWN = 64

/** The channel by which old peers tell of the topology (mesh §10, §13.1). */
export class TopologyGossiper implements Gossiper {
  readonly #peers: Peers
  readonly #onApplied: (applied: Applied) => void

  constructor(peers: Peers, onApplied: (applied: Applied) => void) {
    this.#peers = peers
    this.#onApplied = onApplied
  }

  onUnicast(_source: PeerName, payload: Uint8Array): void {
    throw new WireError(`unexpected topology gossip unicast: ${shown(payload)}`)
  }

  onBroadcast(_source: PeerName, payload: Uint8Array): GossipData {
    return new TopologyData(this.#peers, this.#apply(payload).received)
  }

  onGossip(payload: Uint8Array): GossipData | undefined {
    const { improved } = this.#apply(payload)
    return improved.size === 0 ? undefined : new TopologyData(this.#peers, improved.keys())
  }

  complete(): GossipData {
    return TopologyData.complete(this.#peers)
  }

  #apply(payload: Uint8Array): Applied {
    const applied = this.#peers.apply(decodeTopology(payload, (name) => this.#described(name)))
    this.#onApplied(applied)
    return applied
  }

  /** What we know of a peer that described itself. */
  #described(name: PeerName): PeerDescription | undefined {
    const peer = this.#peers.get(name)
    return peer === undefined || isPlaceholder(peer) ? undefined : peer
  }
}

/** Bytes as old peers print them; of many the first ones. */
function shown(payload: Uint8Array): string {
  const more = payload.length > MAX_SHOWN ? ' ...' : ''
  return `[${payload.subarray(0, MAX_SHOWN).join(' ')}${more}]`
}
