import type { PeerName } from '../lib/peer-name.ts'
import { type Discovered, listeningAt } from './discovery.ts'
import type { Link } from './link.ts'
import type { Links } from './links.ts'
import type { Peers } from './peers.ts'

/** Neighbours remembered at least: those that were connected last. */
const REMEMBERED = 64
/** How long after its connection ended a neighbour is remembered, in ms. */
const FORGET_AFTER = 24 * 60 * 60_000

interface Former {
  readonly link: Pick<Link, 'address' | 'outbound'>
  /** Where it listened as far as we know; made when first needed. */
  at?: Discovered | undefined
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
    this.#byPeer.delete(peer)
    this.#byPeer.set(peer, { link: { address, outbound }, seen: now })
    // Many at a time: in a big network that comes up, looking through all at every connection would cost.
    if (this.#byPeer.size > 2 * REMEMBERED) this.#trim()
  }

  /** Those that are not connected go first, of both kinds those of longest ago. */
  #trim(): void {
    const names = [...this.#byPeer.keys()]
    const lost = names.filter((name) => !this.#links.connected(name))
    const rest = names.filter((name) => this.#links.connected(name))
    for (const name of [...lost, ...rest].slice(0, names.length - REMEMBERED)) this.#byPeer.delete(name)
  }

  /** Those that nobody tells us of any more. */
  find(now: number): Discovered[] {
    const lost: Discovered[] = []
    for (const [name, former] of this.#byPeer) {
      if (this.#links.connected(name)) former.seen = now
      else if (now - former.seen > FORGET_AFTER) this.#byPeer.delete(name)
      else if (this.#peers.get(name) === undefined) {
        const at = this.#listening(name, former)
        if (at !== undefined) lost.push(at)
      }
    }
    return lost
  }

  /** The user wants nothing more of who listens there. */
  forget(host: string, port: number): void {
    for (const [name, former] of this.#byPeer) {
      const at = this.#listening(name, former)
      if (at?.host.host === host && at.port === port) this.#byPeer.delete(name)
    }
  }

  #listening(peer: PeerName, former: Former): Discovered | undefined {
    if (former.at !== undefined) return former.at
    const { address, outbound } = former.link
    const listening = listeningAt(address, outbound, this.#port, this.#loopback)
    former.at = listening === undefined ? undefined : { peer, ...listening }
    return former.at
  }
}
