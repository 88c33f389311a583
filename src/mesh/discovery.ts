import ipaddr from 'ipaddr.js'
import type { PeerName } from '../lib/peer-name.ts'
import { formatHostPort, type HostPort, parseHostPort } from './host-port.ts'
import type { Links } from './links.ts'
import type { Peer } from './peer.ts'
import type { Peers } from './peers.ts'

/** Where a peer that we are not connected with is said to listen. */
export interface Discovered {
  readonly peer: PeerName
  /** `ip:port`. */
  readonly address: string
  readonly host: HostPort
  readonly port: number
}

/** Addresses per peer that are worth trying: the others of a peer behind address translation rarely are. */
const MAX_ADDRESSES = 3
/** How many of its own neighbours are asked for a peer's address. */
const MAX_WITNESSES = 16

/** Where a claim says that its remote listens. */
type Listening = Omit<Discovered, 'peer'>

/** What was found for a peer is good for so long, in ms: addresses hardly ever change, and all peers are asked. */
const KEPT_FOR = 3_000

/**
 * Finds addresses of unconnected peers in the claims of others (mesh §14.3): what somebody dialled, or the address of
 * who dialled in, with the port that all peers share. Gossip is not to be trusted: only literal addresses that can be
 * another host's (mesh §18).
 */
export class Discovery {
  readonly #peers: Peers
  readonly #links: Links
  readonly #port: number
  readonly #loopback: boolean
  readonly #kept = new Map<PeerName, { readonly found: readonly Discovered[]; readonly until: number }>()

  constructor(peers: Peers, links: Links, port: number, loopback: boolean) {
    this.#peers = peers
    this.#links = links
    this.#port = port
    this.#loopback = loopback
  }

  find(now: number): Discovered[] {
    let ours: ReadonlySet<string> | undefined
    for (const [name, { until }] of this.#kept) if (until <= now) this.#kept.delete(name)
    const found: Discovered[] = []
    for (const peer of this.#peers) {
      if (peer.name === this.#peers.self.name || this.#links.connected(peer.name)) continue
      let addresses = this.#kept.get(peer.name)?.found
      if (addresses === undefined) {
        ours ??= ownAddresses(this.#links, this.#port)
        addresses = this.#addressesOf(peer, ours)
        if (addresses.length > 0) this.#kept.set(peer.name, { found: addresses, until: now + KEPT_FOR })
      }
      found.push(...addresses)
    }
    return found
  }

  #addressesOf(peer: Peer, ours: ReadonlySet<string>): Discovered[] {
    const search = new Search(peer.name, this.#port, this.#loopback, ours)
    // Whom a peer is connected with usually claims so too; only else all have to be asked.
    for (const witness of this.#witnesses(peer)) if (witness !== this.#peers.self) search.ask(witness)
    if (search.found.size === 0)
      for (const witness of this.#peers) if (witness !== this.#peers.self) search.ask(witness)
    return Array.from(search.found.values(), (listening) => ({ peer: peer.name, ...listening }))
  }

  *#witnesses(peer: Peer): Generator<Peer> {
    for (let i = 0; i < peer.claims.size && i < MAX_WITNESSES; i++) {
      const witness = this.#peers.get(peer.claims.remoteAt(i))
      if (witness !== undefined) yield witness
    }
  }
}

/** Gathers what others claim about the address of one peer. */
class Search {
  readonly found = new Map<string, Listening>()
  readonly #peer: PeerName
  readonly #port: number
  readonly #loopback: boolean
  readonly #ours: ReadonlySet<string>
  /** IPv4 endpoints that were looked at already: most witnesses say the same. */
  readonly #seen = new Set<number>()

  constructor(peer: PeerName, port: number, loopback: boolean, ours: ReadonlySet<string>) {
    this.#peer = peer
    this.#port = port
    this.#loopback = loopback
    this.#ours = ours
  }

  ask({ claims }: Peer): void {
    if (this.found.size >= MAX_ADDRESSES) return
    const index = claims.indexOf(this.#peer)
    if (index < 0) return
    const endpoint = claims.endpointAt(index)
    if (endpoint !== undefined) {
      // Of an inbound connection only the address counts, the port is the remote's own for that connection.
      const key = claims.outboundAt(index) ? endpoint : -1 - Math.floor(endpoint / 65536)
      if (this.#seen.has(key)) return
      this.#seen.add(key)
    }
    const { address, outbound } = claims.at(index)
    const listening = listeningAt(address, outbound, this.#port, this.#loopback)
    if (listening !== undefined && !this.#ours.has(listening.address))
      this.found.set(listening.address, listening)
  }
}

function ownAddresses(links: Links, ownPort: number): Set<string> {
  const ours = new Set<string>()
  const hosts = new Set(Array.from(links, ({ local }) => local?.host))
  for (const host of hosts) if (host !== undefined) ours.add(formatHostPort(host, ownPort))
  return ours
}

/** What a claimed address says about where its remote listens; undefined for what cannot be another host's. */
export function listeningAt(
  claimed: string,
  outbound: boolean,
  ownPort: number,
  loopback: boolean,
): Listening | undefined {
  let host: HostPort
  try {
    host = parseHostPort(claimed)
  } catch {
    // Whatever a peer claims that is no address is no target either; nothing depends on it.
    return undefined
  }
  const port = outbound ? host.port : ownPort
  if (port === undefined || !host.isAddress || !isPossible(host.host, loopback)) return undefined
  return { address: formatHostPort(host.host, port), host: { ...host, port }, port }
}

const NEVER = new Set(['multicast', 'broadcast', 'unspecified'])

/** Whether an address can be that of another host. */
function isPossible(address: string, loopback: boolean): boolean {
  const range = ipaddr.process(address).range()
  return !NEVER.has(range) && (loopback || range !== 'loopback')
}

/** Whether we live on loopback only: then so do the others. */
export const isLoopback = (address: string): boolean =>
  ipaddr.isValid(address) && ipaddr.process(address).range() === 'loopback'
