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

/** What claims were found to mean; they stay the same for long, and there are many. */
const MAX_REMEMBERED = 20_000

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
  readonly #parsed = new Map<string, Listening | undefined>()

  constructor(peers: Peers, links: Links, port: number, loopback: boolean) {
    this.#peers = peers
    this.#links = links
    this.#port = port
    this.#loopback = loopback
  }

  find(): Discovered[] {
    const ours = ownAddresses(this.#links, this.#port)
    const found: Discovered[] = []
    for (const peer of this.#peers) {
      if (peer.name === this.#peers.self.name || this.#links.connected(peer.name)) continue
      const addresses = new Map<string, Listening>()
      // Whom a peer is connected with usually claims so too; only else all have to be asked.
      for (const witness of this.#witnesses(peer)) this.#ask(witness, peer, ours, addresses)
      if (addresses.size === 0) for (const witness of this.#peers) this.#ask(witness, peer, ours, addresses)
      for (const listening of addresses.values()) found.push({ peer: peer.name, ...listening })
    }
    return found
  }

  *#witnesses(peer: Peer): Generator<Peer> {
    for (let i = 0; i < peer.claims.size && i < MAX_WITNESSES; i++) {
      const witness = this.#peers.get(peer.claims.remoteAt(i))
      if (witness !== undefined) yield witness
    }
  }

  /** What one peer claims about the address of another. */
  #ask(witness: Peer, peer: Peer, ours: ReadonlySet<string>, found: Map<string, Listening>): void {
    if (found.size >= MAX_ADDRESSES || witness === this.#peers.self) return
    const claim = witness.claims.get(peer.name)
    if (claim === undefined) return
    const listening = this.#listeningAt(claim.address, claim.outbound)
    if (listening !== undefined && !ours.has(listening.address)) found.set(listening.address, listening)
  }

  #listeningAt(claimed: string, outbound: boolean): Listening | undefined {
    const key = `${outbound} ${claimed}`
    if (this.#parsed.has(key)) return this.#parsed.get(key)
    if (this.#parsed.size >= MAX_REMEMBERED) this.#parsed.clear()
    const listening = listeningAt(claimed, outbound, this.#port, this.#loopback)
    this.#parsed.set(key, listening)
    return listening
  }
}

function ownAddresses(links: Links, ownPort: number): Set<string> {
  const ours = new Set<string>()
  const hosts = new Set(Array.from(links, ({ local }) => local?.host))
  for (const host of hosts) if (host !== undefined) ours.add(formatHostPort(host, ownPort))
  return ours
}

function listeningAt(
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
