import type { PeerName } from '../lib/peer-name.ts'
import { Claims } from './claims.ts'
import type { Link } from './link.ts'
import type { Peers } from './peers.ts'

/** What we claim to be connected with: follows our connections, one version of us per change (mesh §9.3). */
export class OwnClaims {
  readonly #peers: Peers
  /** Connections that count as established before their overlay says so: their data flowed on through a restart. */
  readonly #carried = new Map<PeerName, number>()

  constructor(peers: Peers) {
    this.#peers = peers
  }

  add(link: Link, peer: PeerName): void {
    this.#claim(link, peer, this.#carried.has(peer))
  }

  established(link: Link, peer: PeerName): void {
    this.#carried.delete(peer)
    this.#claim(link, peer, true)
  }

  remove(peer: PeerName): void {
    this.#carried.delete(peer)
    if (this.#peers.self.claims.has(peer)) this.#peers.changeOwnClaims(Claims.none, [peer])
  }

  /** The next connection with this peer counts as established until then, in ms, or until it is. */
  carry(peer: PeerName, until: number): void {
    this.#carried.set(peer, until)
  }

  /** Takes back what was carried for too long. Returns when to look again. */
  advance(now: number): number {
    let next = Number.POSITIVE_INFINITY
    for (const [peer, until] of this.#carried) {
      if (until > now) {
        next = Math.min(next, until)
        continue
      }
      this.#carried.delete(peer)
      const claim = this.#peers.self.claims.get(peer)
      if (claim !== undefined) this.#peers.changeOwnClaims(Claims.of([{ ...claim, established: false }]))
    }
    return next
  }

  #claim({ address, outbound }: Link, remote: PeerName, established: boolean): void {
    const known = this.#peers.self.claims.get(remote)
    if (known?.address === address && known.outbound === outbound && known.established === established) return
    this.#peers.changeOwnClaims(Claims.of([{ remote, address, outbound, established }]))
  }
}
