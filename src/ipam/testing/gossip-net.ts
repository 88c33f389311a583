import { formatPeerName, type PeerName } from '../../lib/peer-name.ts'
import type { IpamChannel, LazyState } from '../gossiper.ts'

/** What the net needs of a gossiper. */
interface Member {
  onUnicast(source: PeerName, payload: Uint8Array): void
  onBroadcast(source: PeerName, payload: Uint8Array): unknown
  onGossip(payload: Uint8Array): unknown
  complete(): LazyState | undefined
}

/** A mesh in memory: everybody is everybody's neighbour unless cut off; messages arrive in order, a turn later. */
export class GossipNet {
  readonly #peers = new Map<PeerName, Member>()
  readonly #cut = new Set<string>()
  #inFlight = 0

  join(name: PeerName, gossiper: Member): IpamChannel {
    this.#peers.set(name, gossiper)
    for (const [other, theirs] of this.#peers) {
      if (other === name) continue
      this.#deliver(other, name, () => this.#gossip(theirs, gossiper))
      this.#deliver(name, other, () => this.#gossip(gossiper, theirs))
    }
    return {
      unicast: (destination, payload) => {
        if (!this.isConnected(name, destination))
          return `unknown relay destination: ${formatPeerName(destination)}`
        this.#deliver(name, destination, (to) => to.onUnicast(name, payload))
        return undefined
      },
      broadcast: (data) => {
        for (const other of this.#peers.keys()) {
          if (other === name) continue
          this.#deliver(name, other, (to) => {
            for (const payload of data.encode()) to.onBroadcast(name, payload)
          })
        }
      },
    }
  }

  leave(name: PeerName): void {
    this.#peers.delete(name)
  }

  cut(a: PeerName, b: PeerName): void {
    this.#cut.add(`${a}/${b}`).add(`${b}/${a}`)
  }

  uncut(a: PeerName, b: PeerName): void {
    this.#cut.delete(`${a}/${b}`)
    this.#cut.delete(`${b}/${a}`)
  }

  heal(): void {
    this.#cut.clear()
  }

  isConnected(from: PeerName, to: PeerName): boolean {
    return this.#peers.has(to) && !this.#cut.has(`${from}/${to}`)
  }

  /** Everybody sends everybody everything, as each does every 30 seconds. */
  gossipAll(): void {
    for (const [from, ours] of this.#peers) {
      for (const [to, theirs] of this.#peers) {
        if (from !== to) this.#deliver(from, to, () => this.#gossip(ours, theirs))
      }
    }
  }

  /** Resolves when no message is on its way. */
  async settle(): Promise<void> {
    do await new Promise((resolve) => setImmediate(resolve))
    while (this.#inFlight > 0)
    await new Promise((resolve) => setImmediate(resolve))
  }

  #gossip(from: Member, to: Member): void {
    for (const payload of from.complete()?.encode() ?? []) to.onGossip(payload)
  }

  #deliver(from: PeerName, to: PeerName, message: (to: Member) => void): void {
    if (!this.isConnected(from, to)) return
    this.#inFlight++
    setImmediate(() => {
      this.#inFlight--
      const gossiper = this.#peers.get(to)
      if (gossiper !== undefined && this.isConnected(from, to)) message(gossiper)
    })
  }
}
