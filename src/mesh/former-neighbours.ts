import type { PeerName } from '../lib/peer-name.ts'
import { type Discovered, listeningAt } from './discovery.ts'
import type { Link } from './link.ts'
import type { Links } from './links.ts'
import type { Peers } from './peers.ts'

/** Neighbours remembered: those that were connected last. */
const MAX_REMEMBERED = 64
/** How long after its connection ended a neighbour is remembered, in ms. */
const FORGET_AFTER = 24 * 60 * 60_000

interface Former {
  readonly at: Discovered
  /** When it was last seen connected. */
  seen: number
}

/**
 * Where neighbours listened. A host that is cut off for so long that all forget it, and it them, could not be found
 * again when nobody was told its address; whoever was connected with it tries again. Only who has the name that it had
 * is taken in: the address may be somebody else's by then.
 */
export class FormerNeighbours {
  readonly #peers: Peers
  readonly #links: Links
  readonly #port: number
  readonly #loopback: boolean
  /** The one connected longest ago first. */
  readonly #byPeer = new Map<PeerName, Former>()

  constructor(peers: Peers, links: Links, port: number, loopback: boolean) {
    this.#peers = peers
    this.#links = links
    this.#port = port
    this.#loopback = loopback
  }

  connected({ address, outbound }: Link, peer: PeerName, now: number): void {
    const listening = listeningAt(address, outbound, this.#port, this.#loopback)
    if (listening === undefined) return
    this.#byPeer.delete(peer)
    this.#byPeer.set(peer, { at: { peer, ...listening }, seen: now })
    if (this.#byPeer.size <= MAX_REMEMBERED) return
    const victim = this.#firstLost() ?? this.#byPeer.keys().next().value
    if (victim !== undefined) this.#byPeer.delete(victim)
  }

  #firstLost(): PeerName | undefined {
    for (const name of this.#byPeer.keys()) if (!this.#links.connected(name)) return name
    return undefined
  }

  /** Those that nobody tells us of any more. */
  find(now: number): Discovered[] {
    const lost: Discovered[] = []
    for (const [name, former] of this.#byPeer) {
      if (this.#links.connected(name)) former.seen = now
      else if (now - former.seen > FORGET_AFTER) this.#byPeer.delete(name)
      else if (this.#peers.get(name) === undefined) lost.push(former.at)
    }
    return lost
  }

  /** The user wants nothing more of who listens there. */
  forget(host: string, port: number): void {
    for (const [name, { at }] of this.#byPeer) {
      if (at.host.host === host && at.port === port) this.#byPeer.delete(name)
    }
  }
}
