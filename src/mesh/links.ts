import type { PeerName } from '../lib/peer-name.ts'
import type { Link } from './link.ts'
import type { ConnectionId } from './node-types.ts'

/** All connections of ours: by id while they live, by peer once they are added (mesh §9.3). */
export class Links {
  readonly #byId = new Map<ConnectionId, Link>()
  readonly #byPeer = new Map<PeerName, Link>()
  /** Of live ones: how many lead to an address, and how many came from a host. */
  readonly #addresses = new Map<string, number>()
  readonly #inboundHosts = new Map<string, number>()

  insert(link: Link): void {
    this.#byId.set(link.id, link)
  }

  remove(link: Link): void {
    this.#byId.delete(link.id)
    if (link.peer === undefined || this.#byPeer.get(link.peer.name) !== link) return
    this.#byPeer.delete(link.peer.name)
    if (link.state === 'added') this.#count(link, -1)
  }

  /** Makes it the connection to its peer; it is added. */
  register(link: Link, peer: PeerName): void {
    this.#byPeer.set(peer, link)
    this.#count(link, 1)
  }

  /** TCP is gone; it goes on counting for its peer. */
  hold(link: Link): void {
    if (link.state === 'added' && this.isRegistered(link)) this.#count(link, -1)
    link.state = 'held'
  }

  /** Whether a live connection leads to this `ip:port`, or came from it. */
  connectedTo(address: string): boolean {
    return this.#addresses.has(address)
  }

  /** Whether a live connection came in from this host. */
  connectedFrom(host: string): boolean {
    return this.#inboundHosts.has(host)
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

  #count({ address, outbound, remote }: Link, by: 1 | -1): void {
    add(this.#addresses, address, by)
    if (!outbound) add(this.#inboundHosts, remote.host, by)
  }
}

function add(counts: Map<string, number>, key: string, by: number): void {
  const count = (counts.get(key) ?? 0) + by
  if (count === 0) counts.delete(key)
  else counts.set(key, count)
}
