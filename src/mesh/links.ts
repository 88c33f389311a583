import type { PeerName } from '../lib/peer-name.ts'
import type { Link } from './link.ts'
import type { ConnectionId } from './node-types.ts'

/** All connections of ours: by id while they live, by peer once they are added (mesh §9.3). */
export class Links {
  readonly #byId = new Map<ConnectionId, Link>()
  readonly #byPeer = new Map<PeerName, Link>()
  #revision = 0

  insert(link: Link): void {
    this.#byId.set(link.id, link)
  }

  remove(link: Link): void {
    this.#byId.delete(link.id)
    if (link.peer === undefined || this.#byPeer.get(link.peer.name) !== link) return
    this.#byPeer.delete(link.peer.name)
    this.#revision++
  }

  /** Makes it the connection to its peer. */
  register(link: Link, peer: PeerName): void {
    this.#byPeer.set(peer, link)
    this.#revision++
  }

  /** TCP is gone; it goes on counting for its peer. */
  hold(link: Link): void {
    link.state = 'held'
    this.#revision++
  }

  /** Grows with every change of who is connected. */
  get revision(): number {
    return this.#revision
  }

  get(id: ConnectionId): Link | undefined {
    return this.#byId.get(id)
  }

  /** The connection that counts for a peer; a held one too. */
  to(peer: PeerName): Link | undefined {
    return this.#byPeer.get(peer)
  }

  /** Whether there is a live connection: a held peer may well be dialled. */
  connected(peer: PeerName): boolean {
    return this.#byPeer.get(peer)?.state === 'added'
  }

  isRegistered(link: Link): boolean {
    return link.peer !== undefined && this.#byPeer.get(link.peer.name) === link
  }

  /** How many peers we are connected with. */
  get added(): number {
    return this.#byPeer.size
  }

  get size(): number {
    return this.#byId.size
  }

  /** Those that count, one per peer. */
  neighbours(): IterableIterator<Link> {
    return this.#byPeer.values()
  }

  [Symbol.iterator](): IterableIterator<Link> {
    return this.#byId.values()
  }
}
